use std::{fmt, io::Read, path::Path, str::FromStr};

use crate::{
    error::OpenError,
    import::{Import, Source},
    online_retail::OnlineRetail,
    pizzaplace::Pizzaplace,
    read_bytes::{Progress, open_file, unpack},
    tally::Tally,
};

/// How the files are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `online-retail`: one CSV file of invoice lines.
    OnlineRetail,
    /// `pizzaplace`: a directory of four CSV files.
    Pizzaplace,
}

/// Opens the file, or for pizzaplace the directory, and checks its headers.
///
/// Gzip is recognised by its content. Pizzaplace's menu is read here.
pub fn open(path: &Path, format: Format) -> Result<Import, OpenError> {
    let mut progress = Progress::of_files();
    let mut tally = Tally::default();
    let metadata =
        path.metadata().map_err(|cause| OpenError::Unopened { path: path.to_owned(), cause })?;
    let source = match format {
        Format::OnlineRetail if metadata.is_dir() => {
            return Err(OpenError::NotAFile { path: path.to_owned() });
        }
        Format::OnlineRetail => {
            let bytes = open_file(path, &mut progress)?;
            let retail = OnlineRetail::open(path.display().to_string(), bytes)?;
            Source::OnlineRetail(Box::new(retail))
        }
        Format::Pizzaplace if !metadata.is_dir() => {
            return Err(OpenError::NotADirectory { path: path.to_owned() });
        }
        Format::Pizzaplace => {
            let pizzas = Pizzaplace::open(path, &mut progress, &mut tally)?;
            Source::Pizzaplace(Box::new(pizzas))
        }
    };
    Ok(Import::new(source, tally, progress))
}

/// Reads online-retail from anything, plain or gzip; `name` stands for the file in errors.
pub fn read_online_retail(
    name: &str,
    from: impl Read + Send + 'static,
) -> Result<Import, OpenError> {
    let progress = Progress::default();
    let bytes = unpack(from, &progress)
        .map_err(|cause| OpenError::Unopened { path: name.into(), cause })?;
    let retail = OnlineRetail::open(name.to_owned(), bytes)?;
    let source = Source::OnlineRetail(Box::new(retail));
    Ok(Import::new(source, Tally::default(), progress))
}

/// A format's name that isn't one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no format `{name}`: the formats are online-retail and pizzaplace")]
pub struct UnknownFormat {
    /// What was asked for.
    pub name: String,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::OnlineRetail, Self::Pizzaplace];

    /// Its name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnlineRetail => "online-retail",
            Self::Pizzaplace => "pizzaplace",
        }
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == name)
            .ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
