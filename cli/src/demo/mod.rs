//! Orders through every service in one process, and the proof, from topics and stores, that none
//! was lost, doubled or reordered.

mod afterwards;
mod check_mails;
mod check_shop;
mod check_stores;
mod check_trails;
mod contacts;
mod customers;
mod error;
mod faults;
mod findings;
mod fits;
mod generate;
mod intake;
mod kept;
mod lags;
mod ledger;
mod load;
mod menu;
mod observe;
mod open_shop;
mod outlast;
pub mod progress;
mod prove;
pub mod report;
mod run;
mod shop_scenarios;
mod show_run;
mod site;
mod spike;
mod state;

pub use check_shop::{MoneyFigures, Received, StockFigures};
pub use error::DemoError;
pub use faults::Fault;
pub use findings::{Finding, Findings, Kind};
pub use generate::rules_for_varied;
pub use intake::{Counts, Seen, Watched};
pub use lags::Lags;
pub use load::Load;
pub use observe::ObserveError;
pub use open_shop::open_shop;
pub use report::Report;
pub use run::Demo;
pub use shop_scenarios::{ScenarioFigures, ShopScenario};
pub use site::Site;
pub use spike::SpikeFigures;
