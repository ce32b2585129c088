//! Providers, by what every one of them has to do and by what is each one's own.
#![allow(clippy::unwrap_used)]

mod parts;
mod tls;

/// Every function of the suite, as a test on the places that `$place` gives; where it gives none, it has
/// said why.
macro_rules! conforms {
    ($place:path) => {
        conforms!($place:
            operations {
                an_authorisation_is_captured_and_refunded,
                a_void_lets_go_what_was_set_aside,
                a_capture_takes_what_was_authorised_at_most_and_once,
                refunds_come_to_what_was_captured_at_most,
                only_an_open_authorisation_is_voided,
                an_unknown_payment_is_refused,
                another_orders_payment_is_refused,
                another_currency_is_refused,
                a_refusal_is_not_kept,
                what_no_provider_takes_is_refused,
            }
            repeats {
                a_repeat_gets_the_first_answer,
                a_key_with_other_content_is_refused,
                twenty_at_once_with_one_key_do_it_once,
                captures_and_voids_at_once_do_one_of_them,
                refunds_at_once_never_come_to_more_than_was_captured,
                what_was_answered_outlives_the_process,
            }
            tokens {
                declining_tokens_decline_with_their_reason,
                a_lost_answer_is_found_under_the_same_key,
                a_decline_can_be_lost_too,
                nothing_is_done_while_a_token_is_away,
                a_slow_token_takes_half_a_second,
                a_lost_answer_to_a_capture_is_found,
            }
            outage {
                in_an_outage_nothing_is_done_and_after_it_everything,
                what_was_done_before_an_outage_is_not_told_in_it,
            }
            totals {
                totals_are_by_currency_and_of_the_orders_asked_for,
                what_is_neither_captured_nor_voided_is_open,
            }
        );
    };
    ($place:path: $($module:ident { $($test:ident,)* })*) => {
        $(mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(place) = $place(concat!(module_path!(), "::", stringify!($test))).await {
                    $crate::$module::$test(&place).await;
                }
            })*
        })*
    };
}

mod operations;
mod outage;
mod repeats;
mod tokens;
mod totals;

mod simulated_on_sqlite {
    conforms!(crate::parts::Place::simulated_on_sqlite);
}

mod simulated_on_postgres {
    conforms!(crate::parts::Place::simulated_on_postgres);
}

mod over_http {
    conforms!(crate::parts::Place::over_http);
}

mod over_https {
    conforms!(crate::parts::Place::over_https);
}

mod bad_answers;
mod secrets;
mod strangers;
