// SPDX-License-Identifier: Apache-2.0

const http = require('http')

const port = process.env.PORT || 8080

const server = http.createServer((request, response) => {
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.end('Hello World!\n')
})
server.listen(port, () => console.log(`hello-nodejs: listening on port ${port}`))

// As process 1 of a container, Node.js does not end when it is asked to.
process.on('SIGTERM', () => server.close(() => process.exit(0)))
