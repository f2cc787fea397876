# SPDX-License-Identifier: Apache-2.0

require 'webrick'

$stdout.sync = true
port = ENV.fetch('PORT', '8080').to_i
server = WEBrick::HTTPServer.new(Port: port, BindAddress: '0.0.0.0', AccessLog: [], Logger: WEBrick::Log.new($stderr, WEBrick::Log::WARN))
server.mount_proc('/') do |_request, response|
  response['Content-Type'] = 'text/plain; charset=utf-8'
  response.body = "Hello World!\n"
end
%w[INT TERM].each { |signal| trap(signal) { server.shutdown } }
puts "hello-ruby: listening on port #{port}"
server.start
