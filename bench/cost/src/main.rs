//! What a record costs, counted by valgrind: instructions and allocations, the same on every machine
//! and beside every neighbour, held against a [budget](budget::BUDGET).
//!
//! `orderly-cost` counts each case and fails if one is over its budget. `orderly-cost run CASE RECORDS`
//! is what it counts.

mod budget;
mod cases;
mod count;

use std::{env, error::Error, process::ExitCode};

use budget::BUDGET;

fn main() -> ExitCode {
    match start(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("orderly-cost: {error}");
            ExitCode::from(2)
        }
    }
}

fn start(args: &[String]) -> Result<ExitCode, Box<dyn Error>> {
    match args {
        [] => check(),
        [run, case, records] if run == "run" => {
            cases::run(case, records.parse()?)?;
            Ok(ExitCode::SUCCESS)
        }
        _ => Err("it takes no arguments, or `run CASE RECORDS`".into()),
    }
}

/// Counts every case; says what each costs, and which is over its budget.
fn check() -> Result<ExitCode, Box<dyn Error>> {
    let mut is_over = false;
    println!("{:<8} {:>20} {:>20}", "", "instructions", "allocations");
    for budget in BUDGET {
        let cost = count::cost(budget.case)?;
        let over = cost.instructions > budget.most.instructions
            || cost.allocations > budget.most.allocations;
        is_over |= over;
        println!(
            "{:<8} {:>20} {:>20}{}",
            budget.case,
            of(cost.instructions, budget.most.instructions),
            of(cost.allocations, budget.most.allocations),
            if over { "  OVER" } else { "" },
        );
    }
    if is_over {
        eprintln!(
            "a record costs more than its budget: find out what (valgrind --tool=callgrind), or say in \
             bench/cost/src/budget.rs why it has to"
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn of(cost: f64, most: f64) -> String {
    format!("{cost:.1} of {most}")
}
