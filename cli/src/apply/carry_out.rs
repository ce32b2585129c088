//! A plan, carried out: topics first, then schemas. What fails doesn't hide what was done.

use std::time::Instant;

use super::{ApplyError, Plan, Report};
use crate::platform::chain;

impl Plan {
    /// Creates what is missing. The report names what was created, and what couldn't be.
    pub async fn carry_out(self) -> Report {
        let Self { admin, registry, config, missing, existing, differing, subjects, warnings } =
            self;
        let mut report =
            Report { topics_existing: existing, differing, warnings, ..Report::default() };
        match admin.create(&missing).await {
            Ok(outcomes) => {
                for (topic, outcome) in missing.into_iter().zip(outcomes) {
                    match outcome {
                        Ok(true) => report.topics_created.push(topic),
                        Ok(false) => report.topics_existing.push(topic.name),
                        Err(error) => report.fail(&error),
                    }
                }
            }
            Err(error) => {
                report.fail(&ApplyError::Kafka(error));
                return report;
            }
        }
        for subject in subjects {
            if subject.is_complete() {
                report.schemas_existing.push(subject.name);
                continue;
            }
            let deadline = Instant::now() + config.connect_timeout;
            match registry.complete(&subject, deadline).await {
                Ok(()) => report.schemas_registered.push(subject.name),
                Err(error) => {
                    report.fail(&ApplyError::Registry(error));
                    return report;
                }
            }
        }
        report
    }
}

impl Report {
    fn fail(&mut self, error: &(dyn std::error::Error + 'static)) {
        self.is_away |= orderly_sdk::away(error).is_some();
        self.failed.push(chain(error));
    }
}
