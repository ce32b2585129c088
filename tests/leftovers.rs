//! Where a text is left over: every column of every table, every byte of every record kept.

use std::collections::BTreeMap;

use orderly_sdk::{
    Config,
    kafka::{Probe, Tail},
    record::{InRecord, TopicPartition},
};
use orderly_stores::Database;

/// `table.column` of each column of `database` that holds `text` anywhere, in text or in bytes.
pub async fn columns_with(database: &Database, text: &str) -> Vec<String> {
    let is_sqlite = database.query("SELECT sqlite_version()", &[]).await.is_ok();
    let columns = if is_sqlite { SQLITE } else { POSTGRES };
    let mut found = Vec::new();
    for row in database.query(columns, &[]).await.unwrap() {
        let [table, column, bytes]: [String; 3] = [0, 1, 2].map(|n| row.get(n).unwrap());
        let column_bytes = bytes.replace("{}", &format!("\"{column}\""));
        let sql = if is_sqlite {
            format!("SELECT count(*) FROM \"{table}\" WHERE instr({column_bytes}, $1) > 0")
        } else {
            format!("SELECT count(*) FROM \"{table}\" WHERE position($1 IN {column_bytes}) > 0")
        };
        let row = database.query_opt(&sql, &[text.as_bytes().into()]).await.unwrap();
        if row.unwrap().get::<i64>(0).unwrap() > 0 {
            found.push(format!("{table}.{column}"));
        }
    }
    found
}

/// Every column that can hold texts, and its bytes.
const SQLITE: &str = "
    SELECT t.name, c.name, 'CAST({} AS BLOB)'
    FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'";

const POSTGRES: &str = "
    SELECT table_name::TEXT, column_name::TEXT,
        CASE data_type WHEN 'bytea' THEN '{}' ELSE 'convert_to({}, ''UTF8'')' END
    FROM information_schema.columns
    WHERE table_schema = current_schema() AND data_type IN ('text', 'bytea')";

/// Every record that these topics hold now.
pub async fn records(config: &Config, topics: &[&str]) -> Vec<InRecord> {
    let probe = Probe::new(config).unwrap();
    let mut ends = BTreeMap::new();
    for topic in topics {
        for partition in 0..probe.partitions(topic).await.unwrap() {
            let at = TopicPartition { topic: (*topic).into(), partition };
            let (start, end) = probe.ends(&at).await.unwrap();
            if start < end {
                ends.insert(at, end);
            }
        }
    }
    let mut tail = Tail::from_start(config, topics).await.unwrap();
    let mut records = Vec::new();
    while !ends.is_empty() {
        let record = tail.next().await.unwrap().unwrap();
        let at = record.at().clone();
        if ends.get(&at.partition).is_some_and(|end| at.offset + 1 >= *end) {
            ends.remove(&at.partition);
        }
        records.push(record);
    }
    records
}

/// Whether key, value or a header of it holds `text`.
pub fn holds(record: &InRecord, text: &str) -> bool {
    let has = |bytes: &[u8]| bytes.windows(text.len()).any(|some| some == text.as_bytes());
    record.key().is_some_and(has)
        || record.payload().is_some_and(has)
        || record.headers().any(|(name, value)| has(name.as_bytes()) || has(value))
}
