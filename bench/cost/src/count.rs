//! Counts a case by running it under valgrind with few records and with many: the difference is what
//! the records cost, without what starting costs.

use std::{env, error::Error, process::Command};

use crate::budget::Cost;

const FEW: u32 = 2_000;
const MANY: u32 = 22_000;

/// What a record of a case costs.
pub(crate) fn cost(case: &str) -> Result<Cost, Box<dyn Error>> {
    let cachegrind = ["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"];
    let dhat = ["--tool=dhat", "--dhat-out-file=/dev/null"];
    Ok(Cost {
        instructions: each(case, &cachegrind, "refs:")?,
        allocations: each(case, &dhat, "bytes in")?,
    })
}

fn each(case: &str, tool: &[&str], before: &str) -> Result<f64, Box<dyn Error>> {
    let (few, many) = (counted(case, FEW, tool, before)?, counted(case, MANY, tool, before)?);
    Ok((many - few) / f64::from(MANY - FEW))
}

/// What valgrind counted of a run: the first number behind `before` in its summary.
fn counted(case: &str, records: u32, tool: &[&str], before: &str) -> Result<f64, Box<dyn Error>> {
    let ran = Command::new("valgrind")
        .args(tool)
        .arg(env::current_exe()?)
        .args(["run", case, &records.to_string()])
        .output()
        .map_err(|e| format!("valgrind: {e}; it counts what a record costs: install it"))?;
    let said = String::from_utf8_lossy(&ran.stderr);
    if !ran.status.success() {
        return Err(format!("valgrind of {case}, {records} records: {}\n{said}", ran.status).into());
    }
    number(&said, before)
        .ok_or_else(|| format!("valgrind didn't say what it counted:\n{said}").into())
}

fn number(said: &str, before: &str) -> Option<f64> {
    let (_, rest) = said.split_once(before)?;
    rest.split_whitespace().next()?.replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_found_in_what_each_tool_says() {
        let cachegrind = "==7== Command: x\n==7== \n==7== I   refs:      1,531,666\n";
        assert_eq!(number(cachegrind, "refs:"), Some(1_531_666.0));
        let dhat =
            "==9== Total:     78,564 bytes in 2,014 blocks\n==9== At t-gmax: 6 bytes in 1 blocks";
        assert_eq!(number(dhat, "bytes in"), Some(2_014.0));
        assert_eq!(number("==7== nothing", "refs:"), None);
    }
}
