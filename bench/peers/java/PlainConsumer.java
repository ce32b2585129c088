// One plain consumer of Kafka's own client, as a service would run it: reads topics and counts.

import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

public final class PlainConsumer {
    public static void main(String[] args) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", args[0]);
        properties.put("group.id", args[1]);
        properties.put("auto.offset.reset", "earliest");
        long records = 0;
        try (var consumer = new KafkaConsumer<>(properties, new StringDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(args[2].split(",")));
            while (true) {
                int polled = consumer.poll(Duration.ofMillis(500)).count();
                if (polled > 0) {
                    records += polled;
                    System.out.println(records);
                }
            }
        }
    }
}
