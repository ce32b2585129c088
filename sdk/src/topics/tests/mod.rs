//! What is taken, what is refused, and how that is told.

#![allow(clippy::unwrap_used)]

mod durations;
mod fields;
mod files;
mod rules;
mod schemas;
mod specs;
mod the_repositorys;

use super::Topics;

/// A file with one topic in which each of `lines` replaces the line with its key, or stands behind the others, from
/// line 9 on.
fn one_topic(lines: &[&str]) -> String {
    let mut file = vec![
        "topics:",
        "  orders:",
        "    key: order_id",
        "    retention: forever",
        "    events: [orderly.OrderPlaced]",
        "    owner: order-api",
        "    partitions: 12",
        "    replication: 3",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect::<Vec<_>>();
    for line in lines {
        let key = line.split(':').next().unwrap();
        let begins = format!("    {key}:");
        let line = format!("    {line}");
        match file.iter_mut().find(|old| old.starts_with(&begins)) {
            Some(old) => *old = line,
            None => file.push(line),
        }
    }
    file.join("\n") + "\n"
}

fn parse(text: &str) -> Topics {
    Topics::parse(text, "topics.yaml").unwrap_or_else(|e| panic!("refused:\n{e}\n\n{text}"))
}

/// What `text` is refused with, a line for each problem, without the file's name.
fn refused(text: &str) -> String {
    let error =
        Topics::parse(text, "topics.yaml").err().unwrap_or_else(|| panic!("taken:\n{text}"));
    error.to_string().replace("topics.yaml:", "")
}

/// Each case is a text and what it is refused with; all that differ are shown.
fn each_is_refused(cases: &[(&str, &str)]) {
    each_is_told(cases.iter().map(|(text, told)| ((*text).to_owned(), *told)));
}

fn each_is_told<'a>(cases: impl Iterator<Item = (String, &'a str)>) {
    let differ: Vec<_> = cases
        .map(|(text, told)| (refused(&text), told, text))
        .filter(|(found, told, _)| found != told)
        .map(|(found, told, text)| format!("{text}\n  told: {found}\nexpect: {told}"))
        .collect();
    assert!(differ.is_empty(), "{}", differ.join("\n\n"));
}

#[test]
fn a_problem_says_file_line_column_and_what_was_meant() {
    let error = Topics::parse(&one_topic(&["partitons: 12"]), "topics.yaml").unwrap_err();
    assert_eq!(
        error.to_string(),
        "topics.yaml:9:5: unknown key `partitons`: did you mean `partitions`?"
    );
    let [problem] = error.problems.as_slice() else {
        panic!("{error}");
    };
    assert_eq!((problem.file.as_str(), problem.line, problem.column), ("topics.yaml", 9, 5));
    assert_eq!(problem.suggestion.as_deref(), Some("partitions"));
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_lines() {
    let text = one_topic(&["compcted: true", "key: 7", "retention: 5", "partitions: 0"]);
    assert_eq!(
        refused(&text),
        "3:10: `key` should be a field name, and not `7`, which YAML reads as a number\n\
         4:16: `retention`: `5` has no unit: did you mean `5d`?\n\
         7:17: `partitions` should be 1 to 1000, and not `0`\n\
         9:5: unknown key `compcted`: did you mean `compacted`?"
    );
}

#[test]
fn past_a_hundred_problems_the_rest_is_counted() {
    let many: String = (0..40_000).map(|n| format!("unknown-{n}: 1\n")).collect();
    let told = refused(&many);
    assert_eq!(told.lines().count(), 101);
    assert!(told.ends_with("\nand 39901 more"), "{told}");
}

#[test]
fn what_is_quoted_in_a_message_stays_on_its_line_and_is_cut() {
    let text = one_topic(&["\"red\\u001b[31m\\nx\": 1"]);
    assert!(refused(&text).starts_with("9:5: unknown key `red\\u{1b}[31m\\nx`: a topic has "));
    let long = "x".repeat(500);
    let told = refused(&one_topic(&[&format!("key: \"{long} \"")]));
    assert!(told.starts_with(&format!("3:10: `{}…` is no field name: ", "x".repeat(60))), "{told}");
}
