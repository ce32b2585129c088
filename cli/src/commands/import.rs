//! `orderly import`: real orders from a file into a Kafka cluster.

use std::process::ExitCode;

use orderly_schemas::orders;
use orderly_sdk::{
    codec::Registry,
    emit::{EmitSettings, Emitter},
};
use serde_json::json;

use super::{Refused, print};
use crate::{
    args::{ImportArgs, Output},
    check_retention::check_retention,
    demo::progress::Bars,
};

pub(super) async fn run(args: ImportArgs, output: Output) -> Result<ExitCode, Refused> {
    let ImportArgs { path, format, fill_shelves, cluster } = args;
    let config = cluster.or_environment().map_err(|why| {
        Refused::usage(format!(
            "import writes to a Kafka cluster: {why}.\n\
             To see these orders go through embedded parts, if they fit: orderly demo --from {} --format {format}",
            path.display()
        ))
    })?;
    let import = importer::open(&path, format).map_err(|e| Refused::violation(&e))?;
    let client = Registry::new(&config).map_err(|e| Refused::by(&e))?;
    let declared =
        if fill_shelves { importer::declares_with_shelves() } else { importer::declares() };
    let encoders = declared.register(&config, &client).await.map_err(|e| Refused::by(&e))?;
    let settings =
        EmitSettings { linger: std::time::Duration::from_millis(5), ..EmitSettings::default() };
    let emitter =
        Emitter::connect(&config, encoders, settings).await.map_err(|e| Refused::by(&e))?;
    check_retention(&config, &[orders::TOPIC], path.clone(), format)
        .await
        .map_err(|e| Refused::by(&e))?;
    if fill_shelves {
        let filling = importer::open(&path, format).map_err(|e| Refused::violation(&e))?;
        let sold = tokio::task::spawn_blocking(move || importer::read_sold(filling)).await;
        let sold = sold.map_err(|e| Refused::violation(&e))?.map_err(|e| Refused::by(&e))?;
        importer::fill_shelves(&sold, format, &emitter).await.map_err(|e| Refused::by(&e))?;
        eprintln!("filled in: {} products and what was sold of each", sold.len());
    }
    let bars = Bars::new();
    let bar = bars.bytes("imported");
    let mut accepted = 0_u64;
    let imported = importer::emit_documents(
        import,
        format,
        &emitter,
        |_| accepted += 1,
        |progress| bar.at(progress.bytes, progress.total_bytes),
    )
    .await;
    bars.clear();
    let tally = imported.map_err(|e| Refused::by(&e))?;
    match output {
        Output::Json => print::line(json!({ "import": tally, "accepted": accepted })),
        Output::Table => print::line(crate::demo::report::import_table(&tally)),
    }
    let is_clean = tally.malformed.count() == 0;
    for line in &tally.malformed.first {
        eprintln!("{}:{}: {}", line.file, line.line, line.what);
    }
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
