use std::{fmt, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::{Kind, Problem};

/// What everybody is called where there are no keys. No key's owner is.
pub const ANONYMOUS: &str = "anonymous";

/// Who asks. A route gets it as an argument, behind [`authenticate`](crate::guards::authenticate).
#[derive(Clone, PartialEq, Eq)]
pub struct Caller {
    name: Arc<str>,
    role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Anonymous,
    Caller,
    Operator,
}

impl Caller {
    /// Everybody, where there are no keys.
    pub fn anonymous() -> Self {
        Self::new(ANONYMOUS, Role::Anonymous)
    }

    pub(super) fn new(name: &str, role: Role) -> Self {
        Self { name: name.into(), role }
    }

    /// The name, `anonymous` where there are no keys: what an Idempotency-Key belongs to.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The name of the key's owner; `None` where there are no keys.
    pub fn owner(&self) -> Option<&str> {
        (self.role != Role::Anonymous).then_some(&*self.name)
    }

    /// Whose things alone they may see: their own. `None`: everybody's.
    pub fn sees_only(&self) -> Option<&str> {
        (self.role == Role::Caller).then_some(&*self.name)
    }

    /// Whether they may do what is for operators. Where there are no keys, everybody may.
    pub fn is_operator(&self) -> bool {
        self.role != Role::Caller
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // A route that the guard doesn't stand before answers nobody.
        parts.extensions.get().cloned().ok_or_else(|| {
            let detail = "The request could not be answered.";
            Problem::new(Kind::Internal, detail).because("nobody asked who the caller is")
        })
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({})", self.role, self.name)
    }
}
