//! On its way: into the mailbox or to a mail server. Another channel is another module here.
mod connections;
mod smtp;
mod smtp_url;

pub use smtp::SmtpError;
pub use smtp_url::{SmtpUrl, SmtpUrlError};

use orderly_sdk::consume::Failure;

use crate::{Mail, check_address::check_address, write_mail::Letter};
use smtp::SmtpPost;

/// The way that mails take.
pub(crate) enum Deliver {
    /// The row that records a mail is the mail.
    Mailbox,
    Smtp(Box<SmtpPost>),
}

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Sent,
    /// It never will be sent; says why.
    Failed(String),
}

impl Deliver {
    pub(crate) fn by(mail: Mail) -> Result<Self, SmtpError> {
        Ok(match mail {
            Mail::Mailbox => Self::Mailbox,
            Mail::Smtp(smtp) => Self::Smtp(Box::new(SmtpPost::new(smtp)?)),
        })
    }

    /// Sends it. A failure says that it may go later.
    pub(crate) async fn send(&self, letter: &Letter) -> Result<Verdict, Failure> {
        let address = match check_address(&letter.address) {
            Ok(address) => address,
            Err(why) => return Ok(Verdict::Failed(why.to_owned())),
        };
        match self {
            Self::Mailbox => Ok(Verdict::Sent),
            Self::Smtp(post) => post.send(letter, address).await,
        }
    }
}
