// Follows orders, puts an invoice for each, and acknowledges an order once its invoice is written.
//
//     cd /usr/share/java    # where Debian's libjackson2-databind-java is
//     STREAM=orders CONSUMER_GROUP=billing \
//         java -cp jackson-core.jar:jackson-annotations.jar:jackson-databind.jar …/Invoices.java
//
// Java 17 or later, and Jackson, since Java has no JSON of its own.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.stream.Collectors;
import java.util.stream.Stream;

public class Invoices {
    static final String STREAMS = setting("KINESIS_SIDECAR_URL", "http://localhost:8700") + "/streams/";
    static final String ORDERS = STREAMS + encoded(setting("STREAM", "orders"));
    static final String GROUP = "consumerGroup=" + encoded(setting("CONSUMER_GROUP", "billing"));
    static final String OPTIONS = GROUP
        + "&useAutoCheckpoints=false" // what is not acknowledged comes again
        + "&initialPositionInStream=TRIM_HORIZON"
        + "&heartbeatInterval=1000"; // an empty line each second: SIGTERM need not wait for a record

    static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    static final ObjectMapper JSON = new ObjectMapper();

    static volatile boolean stopping = false;

    /** An answer that does not pass by itself. */
    static class Refusal extends RuntimeException {
        Refusal(String body) { super(body); }
    }

    static String setting(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    static Stream<String> ask(HttpRequest request) throws IOException, InterruptedException {
        HttpResponse<Stream<String>> response = CLIENT.send(request, BodyHandlers.ofLines());
        int status = response.statusCode();
        if (status == 200) return response.body();
        String body = response.body().collect(Collectors.joining("\n"));
        // 207: some of the records were not written. 409, 429 and 5xx pass, other refusals do not.
        if (status >= 400 && status < 500 && status != 409 && status != 429) throw new Refusal(body);
        throw new IOException(body);
    }

    static void post(String url, JsonNode body) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofMinutes(1))
            .POST(BodyPublishers.ofString(body.toString())).build();
        try (Stream<String> answer = ask(request)) {
            answer.forEach(line -> {}); // read to its end, so that the connection is used again
        }
    }

    static void work(JsonNode event) throws IOException, InterruptedException {
        ObjectNode put = JSON.createObjectNode();
        for (JsonNode record : event.required("records")) {
            JsonNode order = record.required("data");
            ObjectNode one = put.withArray("records").addObject();
            one.set("partitionKey", order.required("customer"));
            one.putObject("data")
                .put("order", order.required("order").intValue())
                .put("customer", order.required("customer").textValue())
                .put("total", order.required("quantity").longValue() * order.required("price").longValue());
        }
        post(STREAMS + "invoices/put", put);
        post(ORDERS + "/checkpoints?" + GROUP, JSON.createObjectNode().set("id", event.required("id")));
        System.out.println(event.required("records").size() + " invoices");
    }

    public static void main(String[] arguments) throws InterruptedException {
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            if (!main.isAlive()) return; // it has failed
            stopping = true;
            try {
                main.join();
            } catch (InterruptedException ignored) {
                return;
            }
            Runtime.getRuntime().halt(0); // without it Java's exit code for SIGTERM is 143
        }));
        HttpRequest records = HttpRequest.newBuilder(URI.create(ORDERS + "/records?" + OPTIONS))
            .header("Accept", "application/x-ndjson").build();
        long delay = 1000;
        while (!stopping) {
            try (Stream<String> lines = ask(records)) {
                delay = 1000;
                for (String line : (Iterable<String>) lines::iterator) {
                    if (stopping) break;
                    if (line.isEmpty()) continue; // a sign of life
                    JsonNode event = JSON.readTree(line);
                    switch (event.required("event").textValue()) {
                        case "records" -> work(event);
                        case "problem" -> System.err.println(event);
                        default -> {}
                    }
                }
            } catch (IOException | UncheckedIOException error) {
                System.err.println(error);
            }
            for (long waited = 0; waited < delay && !stopping; waited += 100) Thread.sleep(100);
            delay = Math.min(2 * delay, 8000);
        }
    }
}
