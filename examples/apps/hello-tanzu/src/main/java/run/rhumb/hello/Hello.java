// SPDX-License-Identifier: Apache-2.0

package run.rhumb.hello;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/** Answers every request with a greeting, on the JDK's own HTTP server. */
public final class Hello {
    private static final byte[] GREETING = "Hello World!\n".getBytes(StandardCharsets.UTF_8);

    private Hello() {
    }

    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"));
        HttpServer server = HttpServer.create(new InetSocketAddress(port), 0);
        server.createContext("/", exchange -> {
            exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
            exchange.sendResponseHeaders(200, GREETING.length);
            try (var body = exchange.getResponseBody()) {
                body.write(GREETING);
            }
        });
        server.start();
        System.out.println("hello-tanzu: listening on port " + port);
    }
}
