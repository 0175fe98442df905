package wellhead.bench;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.source.ExactlyOnceSupport;
import org.apache.kafka.connect.source.SourceConnector;

/** Gives as many tasks as it may, each of which gives one record an interval: shows who works, and since when. */
public final class TickSourceConnector extends SourceConnector {
    static final String TOPIC = "topic";
    static final String INTERVAL_MS = "interval.ms";
    static final String TASK = "task";

    private static final ConfigDef CONFIG = new ConfigDef()
        .define(TOPIC, ConfigDef.Type.STRING, ConfigDef.Importance.HIGH, "Where the records go.")
        .define(INTERVAL_MS, ConfigDef.Type.LONG, 1000L, ConfigDef.Importance.LOW, "Milliseconds between two records.");

    private Map<String, String> settings;

    @Override
    public String version() {
        return "1";
    }

    @Override
    public void start(Map<String, String> given) {
        settings = given;
    }

    @Override
    public Class<? extends Task> taskClass() {
        return TickSourceTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int maxTasks) {
        return IntStream.range(0, maxTasks).mapToObj(number -> {
            Map<String, String> task = new java.util.HashMap<>(settings);
            task.put(TASK, Integer.toString(number));
            return task;
        }).toList();
    }

    @Override
    public void stop() {
    }

    @Override
    public ConfigDef config() {
        return CONFIG;
    }

    @Override
    public ExactlyOnceSupport exactlyOnceSupport(Map<String, String> connectorConfig) {
        return ExactlyOnceSupport.SUPPORTED;
    }
}
