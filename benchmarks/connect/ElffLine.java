package wellhead.bench;

import java.time.LocalDate;
import java.util.Date;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.errors.DataException;

/** Splits a line of the first 26 columns at its spaces outside quotes and types the values; date and time are one field. */
final class ElffLine {
    private static final String[] COLUMNS = {
        "x_bluecoat_request_tenant_id", "date", "time", "x_bluecoat_appliance_name", "time_taken", "c_ip", "cs_userdn",
        "cs_auth_groups", "x_exception_id", "sc_filter_result", "cs_categories", "cs_referer", "sc_status", "s_action",
        "cs_method", "rs_content_type", "cs_uri_scheme", "cs_host", "cs_uri_port", "cs_uri_path", "cs_uri_query",
        "cs_uri_extension", "cs_user_agent", "s_ip", "sc_bytes", "cs_bytes"};
    private static final int DATE = 1;
    private static final int TIME = 2;

    static final Schema SCHEMA = schema();
    private static final Field[] FIELDS = fields();

    private String day = "";
    private long dayMs;
    private long timeMs;

    /** The event time of the line parsed last, epoch milliseconds. */
    long timeMs() {
        return timeMs;
    }

    Struct parse(String line) {
        Struct struct = new Struct(SCHEMA);
        String date = null;
        int at = 0;
        for (int column = 0; column < COLUMNS.length; column++) {
            if (at > line.length()) {
                throw new DataException("too few values: " + line);
            }
            boolean quoted = at < line.length() && line.charAt(at) == '"';
            int start = quoted ? at + 1 : at;
            int end = line.indexOf(quoted ? '"' : ' ', start);
            end = end < 0 ? line.length() : end;
            at = end + (quoted ? 2 : 1);
            if (!quoted && end - start == 1 && line.charAt(start) == '-') {
                continue;
            }
            String text = line.substring(start, end);
            if (column == DATE) {
                date = text;
            } else if (column == TIME) {
                timeMs = millis(date, text);
                struct.put(FIELDS[column], new Date(timeMs));
            } else {
                struct.put(FIELDS[column], typed(FIELDS[column], text));
            }
        }
        return struct;
    }

    private static Object typed(Field field, String text) {
        switch (field.schema().type()) {
            case INT32:
                return Integer.valueOf(text);
            case INT64:
                return Long.valueOf(text);
            default:
                return text;
        }
    }

    private long millis(String date, String time) {
        if (!date.equals(day)) {
            day = date;
            dayMs = LocalDate.parse(date).toEpochDay() * 86_400_000L;
        }
        return dayMs + 1000L * (3600 * two(time, 0) + 60 * two(time, 3) + two(time, 6));
    }

    private static int two(String text, int at) {
        return 10 * (text.charAt(at) - '0') + text.charAt(at + 1) - '0';
    }

    private static Schema schema() {
        SchemaBuilder builder = SchemaBuilder.struct().name("wellhead.bench.access_log");
        builder.field("time", Timestamp.builder().optional().build());
        for (String column : COLUMNS) {
            switch (column) {
                case "date", "time" -> { }
                case "sc_status", "cs_uri_port" -> builder.field(column, Schema.OPTIONAL_INT32_SCHEMA);
                case "time_taken", "sc_bytes", "cs_bytes" -> builder.field(column, Schema.OPTIONAL_INT64_SCHEMA);
                default -> builder.field(column, Schema.OPTIONAL_STRING_SCHEMA);
            }
        }
        return builder.build();
    }

    private static Field[] fields() {
        Field[] fields = new Field[COLUMNS.length];
        for (int column = 0; column < COLUMNS.length; column++) {
            fields[column] = SCHEMA.field(COLUMNS[column]);
        }
        return fields;
    }
}
