// Confluent Parallel Consumer, ordered by key: reads a topic, waits for each record, prints how many
// it did in how many seconds, from the first record's begin to the last one's end.
//
// Before that it reads the same topic once as another group without waiting, so that what is measured
// is compiled code. The value stays bytes, which is in its favour, too.

import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.CommitMode;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

public final class KeyedPeer {
    private static final long FIRST_MS = 45_000;
    private static final long WARM_UP_MS = 2_000;

    private final String bootstrap;
    private final String topic;
    private final long records;
    private final int concurrency;

    private KeyedPeer(String bootstrap, String topic, long records, int concurrency) {
        this.bootstrap = bootstrap;
        this.topic = topic;
        this.records = records;
        this.concurrency = concurrency;
    }

    public static void main(String[] args) throws Exception {
        var peer = new KeyedPeer(args[0], args[1], Long.parseLong(args[3]), Integer.parseInt(args[4]));
        String group = args[2];
        long waitNanos = Long.parseLong(args[5]) * 1_000;
        peer.read(group + "-warm-up", 0, WARM_UP_MS).closeDontDrainFirst();
        peer.read(group, waitNanos, Long.parseLong(args[6]));
        // What it would still do and commit isn't asked for.
        Runtime.getRuntime().halt(0);
    }

    private ParallelStreamProcessor<String, byte[]> read(String group, long waitNanos, long limitMs)
            throws InterruptedException {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.put("group.id", group);
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        var consumer = new KafkaConsumer<>(properties, new StringDeserializer(), new ByteArrayDeserializer());
        var options = ParallelConsumerOptions.<String, byte[]>builder()
                .ordering(ProcessingOrder.KEY)
                .maxConcurrency(concurrency)
                .commitMode(CommitMode.PERIODIC_CONSUMER_ASYNCHRONOUS)
                .consumer(consumer)
                .build();
        var begun = new AtomicLong();
        var ended = new AtomicLong();
        var done = new AtomicLong();
        var first = new CountDownLatch(1);
        var all = new CountDownLatch(1);
        var processor = ParallelStreamProcessor.createEosStreamProcessor(options);
        processor.subscribe(List.of(topic));
        processor.poll(context -> {
            if (begun.get() == 0 && begun.compareAndSet(0, System.nanoTime())) {
                first.countDown();
            }
            pause(waitNanos);
            if (done.incrementAndGet() == records) {
                ended.set(System.nanoTime());
                all.countDown();
            }
        });
        if (!first.await(FIRST_MS, TimeUnit.MILLISECONDS)) {
            System.err.println("no record came");
            Runtime.getRuntime().halt(1);
        }
        all.await(limitMs, TimeUnit.MILLISECONDS);
        long end = ended.get() == 0 ? System.nanoTime() : ended.get();
        double seconds = (end - begun.get()) / 1e9;
        // The last line is the one that counts.
        System.out.println("{\"records\":" + Math.min(done.get(), records) + ",\"seconds\":" + seconds + "}");
        System.out.flush();
        return processor;
    }

    // Parked threads may wake early.
    private static void pause(long nanos) {
        long until = System.nanoTime() + nanos;
        for (long left = nanos; left > 0; left = until - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}
