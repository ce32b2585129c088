//! What `orderly run fulfilment` is told of stock, promotions and payments.

use std::{path::Path, sync::Arc, time::Duration};

use fulfilment::Rules;
use fulfilment_payment::{Http, HttpSettings, Provider, Simulated};
use fulfilment_pricing::Rules as Promotions;
use orderly_https::Trust;
use orderly_sdk::{Health, wait_out};
use orderly_stores::Database;

use super::Failed;
use crate::{
    args::{FulfilmentArgs, Payments},
    parts,
};

const API_KEY: &str = "PAYMENT_API_KEY";
/// Longest that one question to the provider may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The rules, from the arguments and the file that they name.
pub(super) fn rules(args: &FulfilmentArgs) -> Result<Rules, Failed> {
    let promotions = match &args.promotions {
        None => Promotions::none(),
        Some(path) => promotions(path)?,
    };
    Ok(Rules {
        promotions,
        stock: args.stock,
        cancel_within: args.cancel_within,
        ..Rules::new(args.stages.clone())
    })
}

/// Whether both can be made of what was given: told before anything is started.
pub(super) fn check(args: &FulfilmentArgs) -> Result<(), Failed> {
    rules(args)?;
    http(args)?;
    Ok(())
}

/// The provider. The simulated one waits for the database.
pub(super) async fn provider(
    args: &FulfilmentArgs,
    database: &Database,
    health: &Health,
) -> Result<Arc<dyn Provider>, Failed> {
    if let Some(http) = http(args)? {
        return Ok(Arc::new(http));
    }
    tracing::warn!("payments are simulated: no card is charged, and orders are made all the same");
    let simulated = wait_out(health, || Simulated::open(database.clone())).await?;
    Ok(Arc::new(simulated))
}

/// `None`: payments are simulated.
fn http(args: &FulfilmentArgs) -> Result<Option<Http>, Failed> {
    let Payments::Provider(base_url) = &args.payments else { return Ok(None) };
    let Some(api_key) = parts::secret_of_environment(API_KEY)? else {
        let needed = format!("{API_KEY} or {API_KEY}_FILE is needed to pay at a provider");
        return Err(needed.into());
    };
    let (base_url, trust) = (base_url.clone(), trust(args.payment_ca.as_deref())?);
    Ok(Some(Http::new(HttpSettings { base_url, trust, api_key, timeout: TIMEOUT })?))
}

fn trust(further: Option<&Path>) -> Result<Trust, Failed> {
    let Some(path) = further else { return Ok(Trust::with(None)?) };
    let named = |why: String| Failed::from(format!("--payment-ca {}: {why}", path.display()));
    let pem = parts::read_file(path).map_err(named)?;
    Trust::with(Some(&pem)).map_err(|error| named(error.to_string()))
}

fn promotions(path: &Path) -> Result<Promotions, Failed> {
    let named = |why: String| Failed::from(format!("--promotions {}: {why}", path.display()));
    let text = parts::read_file(path).map_err(named)?;
    text.parse::<Promotions>().map_err(|error| named(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_an_authority_is_refused_by_flag_and_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        let refused = trust(Some(&file)).unwrap_err().to_string();
        assert!(refused.contains("--payment-ca") && refused.contains("ca.pem"), "{refused}");
        std::fs::write(&file, "no PEM\n").unwrap();
        let refused = trust(Some(&file)).unwrap_err().to_string();
        assert!(refused.contains("ca.pem: it has no certificate"), "{refused}");
        assert!(trust(None).is_ok());
    }
}
