//! What the scenarios about messages claim, held against what those outside saw.

use serde::Serialize;

use super::{Manner, Outside};

/// How messages went out while somebody outside was broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MessageFigures {
    /// Messages that went out while the mail server was away.
    pub meanwhile: u64,
    /// Times that whoever was broken was asked in vain.
    pub in_vain: u64,
    /// Mails that came to the mail server.
    pub mails: u64,
    /// Of them those that came a second time.
    pub mails_again: u64,
    /// Webhooks that came to those that weren't broken, and how often they came beyond once each.
    pub fine: u64,
    /// Beyond once each.
    pub fine_again: u64,
    /// From the event to the last of these, milliseconds.
    pub slowest_fine_ms: i64,
    /// Webhooks that were taken at last by those that were broken at first.
    pub mended: u64,
}

impl MessageFigures {
    /// Of broken receivers: all that could be taken was, and nobody fine waited for the others.
    pub(in crate::demo) fn broken_webhook_holds(&self) -> bool {
        // A dead one is given up after 22 s at least: who had to wait for it would be later than that.
        const LATE_MS: i64 = 20_000;
        self.fine > 0
            && self.fine_again == 0
            && self.slowest_fine_ms < LATE_MS
            && self.mended > 0
            && self.in_vain > 0
    }

    /// Of a mail server that was away: the others went on, and then every mail came once.
    pub(in crate::demo) fn smtp_down_holds(&self) -> bool {
        self.meanwhile > 0 && self.in_vain > 0 && self.mails > 0 && self.mails_again == 0
    }
}

/// How webhooks went.
pub(in crate::demo) fn broken_webhook(outside: &Outside) -> MessageFigures {
    let mut figures = MessageFigures::default();
    for receiver in outside.receivers.iter() {
        for seen in receiver.all() {
            if receiver.is(Manner::Fine) {
                figures.fine += 1;
                figures.fine_again += seen.tries - 1;
                figures.slowest_fine_ms = figures.slowest_fine_ms.max(seen.first_after);
            } else {
                figures.mended += seen.taken;
                figures.in_vain += seen.tries - seen.taken;
            }
        }
    }
    figures
}

/// How mails went, and what else did before them.
pub(in crate::demo) fn smtp_down(outside: &Outside, meanwhile: u64) -> MessageFigures {
    let mut figures = MessageFigures { meanwhile, ..MessageFigures::default() };
    if let Some(server) = outside.mail_server() {
        figures.in_vain = server.turned_away();
        (figures.mails, figures.mails_again) = server.taken();
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKEN: MessageFigures = MessageFigures {
        meanwhile: 0,
        in_vain: 40,
        mails: 0,
        mails_again: 0,
        fine: 300,
        fine_again: 0,
        slowest_fine_ms: 900,
        mended: 180,
    };

    #[test]
    fn who_is_fine_is_told_once_and_waits_for_nobody_and_who_was_broken_is_told_at_last() {
        assert!(BROKEN.broken_webhook_holds());
        for wrong in [
            MessageFigures { fine: 0, ..BROKEN },
            MessageFigures { fine_again: 1, ..BROKEN },
            MessageFigures { slowest_fine_ms: 21_000, ..BROKEN },
            MessageFigures { mended: 0, ..BROKEN },
            MessageFigures { in_vain: 0, ..BROKEN },
        ] {
            assert!(!wrong.broken_webhook_holds(), "{wrong:?}");
        }
    }

    #[test]
    fn without_a_mail_server_others_go_on_and_no_mail_comes_twice() {
        let all = MessageFigures::default();
        let down = MessageFigures { meanwhile: 1_000, in_vain: 3, mails: 400, ..all };
        assert!(down.smtp_down_holds());
        for wrong in [
            MessageFigures { meanwhile: 0, ..down },
            MessageFigures { in_vain: 0, ..down },
            MessageFigures { mails_again: 1, ..down },
            MessageFigures { mails: 0, ..down },
        ] {
            assert!(!wrong.smtp_down_holds(), "{wrong:?}");
        }
    }
}
