//! Servers that aren't who they should be: nothing is said to them, neither the key nor what is to be
//! paid.

use fulfilment_payment::{PaymentError, Provider as _};
use orderly_https::Trust;
use rcgen::date_time_ymd;
use tokio::net::TcpListener;

use crate::{
    parts::{Place, authorise, https},
    tls::{Authority, Server},
};

/// Asks `localhost`, where a sandbox is behind `server`: it can't be reached, for a reason that has
/// `part` in it, and was asked nothing.
async fn is_turned_away(server: Server, trust: Trust, part: &str) {
    let place = Place::simulated_on_sqlite("").await.unwrap();
    let at = place.serve(server.listen().await);
    let provider = https(&format!("https://localhost:{}/sandbox", at.port()), trust);
    let error = provider.perform(&authorise("a", "tok_ok")).await.unwrap_err();
    assert!(matches!(&error, PaymentError::Unavailable(why) if why.contains(part)), "{error}");
    assert!(place.simulated.totals(None).await.unwrap().is_empty());
}

fn trusting(authority: &Authority) -> Trust {
    Trust::with(Some(&authority.pem())).unwrap()
}

#[tokio::test]
async fn who_an_unknown_authority_vouches_for_is_not_asked() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    is_turned_away(theirs.vouch(&["localhost"]), trusting(&ours), "UnknownIssuer").await;
}

#[tokio::test]
async fn an_authority_counts_only_where_it_was_given() {
    let ours = Authority::new("ours");
    is_turned_away(ours.vouch(&["localhost"]), Trust::with(None).unwrap(), "UnknownIssuer").await;
}

#[tokio::test]
async fn who_goes_by_another_name_is_not_asked() {
    let ours = Authority::new("ours");
    let part = "not valid for name \"localhost\"";
    is_turned_away(ours.vouch(&["pay.example"]), trusting(&ours), part).await;
}

#[tokio::test]
async fn a_certificate_that_is_over_does_not_count() {
    let ours = Authority::new("ours");
    let over = ours.vouch_as(&["localhost"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    is_turned_away(over, trusting(&ours), "expired").await;
}

#[tokio::test]
async fn who_speaks_no_tls_is_not_asked() {
    let place = Place::simulated_on_sqlite("").await.unwrap();
    let at = place.serve(TcpListener::bind("127.0.0.1:0").await.unwrap());
    let provider = https(&format!("https://{at}/sandbox"), Trust::with(None).unwrap());
    let error = provider.perform(&authorise("a", "tok_ok")).await.unwrap_err();
    assert!(matches!(error, PaymentError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn one_file_may_hold_several_authorities() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let place = Place::simulated_on_sqlite("").await.unwrap();
    let both = Trust::with(Some(&format!("{}{}", ours.pem(), theirs.pem()))).unwrap();
    for (number, authority) in [&ours, &theirs].into_iter().enumerate() {
        let at = place.serve(authority.vouch(&["127.0.0.1"]).listen().await);
        let provider = https(&format!("https://{at}/sandbox"), both.clone());
        let request = authorise(&format!("a{number}"), "tok_ok");
        assert!(provider.perform(&request).await.is_ok());
    }
}
