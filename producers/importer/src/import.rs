use std::fmt;

use chrono::{DateTime, Utc};

use crate::{
    document::Document, error::ImportError, online_retail::OnlineRetail, pizzaplace::Pizzaplace,
    read_bytes::Progress, tally::Tally,
};

/// An import under way: an iterator over what the files hold, in their order.
///
/// It blocks while it reads. After `None` or an error it gives nothing more.
pub struct Import {
    source: Source,
    tally: Tally,
    progress: Progress,
    ended: bool,
}

pub(crate) enum Source {
    OnlineRetail(Box<OnlineRetail>),
    Pizzaplace(Box<Pizzaplace>),
}

impl Import {
    pub(crate) fn new(source: Source, tally: Tally, progress: Progress) -> Self {
        Self { source, tally, progress, ended: false }
    }

    /// What became of the lines read so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Bytes read so far, compressed where the files are. Ahead of what was handed out by a buffer.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.progress.read()
    }

    /// Sizes of all files together; `None` where one has no size, as a pipe.
    #[must_use]
    pub fn total_bytes(&self) -> Option<u64> {
        self.progress.total()
    }

    /// Reads to the end for when the oldest of the documents happened; `None` where there is none.
    pub fn oldest(self) -> Result<Option<DateTime<Utc>>, ImportError> {
        let mut oldest = None;
        for document in self {
            let (Document::Sale(invoice) | Document::Return(invoice)) = document?;
            let happened_at = invoice.happened_at;
            oldest = Some(oldest.map_or(happened_at, |known: DateTime<_>| known.min(happened_at)));
        }
        Ok(oldest)
    }

    /// Invoices that are held because more of their lines may come; at most
    /// [`crate::WINDOW`] + 1, whatever the file's length.
    #[must_use]
    pub fn open_documents(&self) -> usize {
        match &self.source {
            Source::OnlineRetail(retail) => retail.open_documents(),
            Source::Pizzaplace(_) => 0,
        }
    }
}

impl Iterator for Import {
    type Item = Result<Document, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = match &mut self.source {
            Source::OnlineRetail(retail) => retail.next(&mut self.tally),
            Source::Pizzaplace(pizzas) => pizzas.next(&mut self.tally),
        }
        .transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

impl std::iter::FusedIterator for Import {}

impl fmt::Debug for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import")
            .field("tally", &self.tally)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
