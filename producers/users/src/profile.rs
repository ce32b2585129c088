//! A profile as clients write it and as they read it. Bodies are read by hand: every problem names
//! its place, and no value of somebody's.

use std::fmt;

use orderly_schemas::{Channel, UserChanged};
use orderly_web::{
    Problem,
    json::{Found, Json, checks},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{problem::Kind, profiles::Kept};

const LONGEST_NAME: usize = 200;
const CHANNELS: [(Channel, &str); 3] =
    [(Channel::Email, "EMAIL"), (Channel::Sms, "SMS"), (Channel::Webhook, "WEBHOOK")];

/// A profile. It replaces all that was known of the user; fields that aren't listed are refused.
#[derive(Clone, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileRequest {
    /// The user, as the path says: so that what was read can be sent back.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// How to address them; no control characters.
    #[schema(min_length = 1, max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Mail address.
    #[schema(max_length = 254, format = "email", example = "ada@example.org")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Phone number that takes text messages, by E.164.
    #[schema(pattern = r"^\+[1-9][0-9]{6,14}$", example = "+442079460000")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Group that discount rules may name.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_group: Option<String>,
    /// Channels they want to be notified by, each once: EMAIL, SMS, WEBHOOK. EMAIL needs a mail
    /// address, SMS a phone number.
    #[schema(max_items = 3)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notify_by: Vec<String>,
}

/// A profile as it is now.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProfileView {
    /// The user.
    pub user_id: String,
    /// How to address them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Group that discount rules may name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_group: Option<String>,
    /// Channels they want to be notified by: EMAIL, SMS, WEBHOOK.
    pub notify_by: Vec<String>,
}

impl fmt::Debug for ProfileRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProfileRequest(hidden)")
    }
}

impl fmt::Debug for ProfileView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProfileView(hidden)")
    }
}

impl From<Kept> for ProfileView {
    fn from(Kept { user, .. }: Kept) -> Self {
        let UserChanged { user_id, name, email, phone, customer_group, notify_by } = user;
        let notify_by = notify_by.into_iter().map(|c| channel_text(c).to_owned()).collect();
        Self { user_id, name, email, phone, customer_group, notify_by }
    }
}

/// The profile that a body says this user has.
pub(crate) fn read(user_id: &str, body: &[u8]) -> Result<UserChanged, Problem<Kind>> {
    let json = Json::of_body(body)?;
    let mut found = Found::default();
    match read_profile(user_id, &json, &mut found) {
        Some(user) if found.is_empty() => Ok(user),
        _ => Err(found.into_problem(Kind::InvalidProfile)),
    }
}

fn read_profile(user_id: &str, json: &Json<'_>, found: &mut Found) -> Option<UserChanged> {
    let names = ["user_id", "name", "email", "phone", "customer_group", "notify_by"];
    let [said, name, email, phone, group, notify_by] = found.fields(json, names)?;
    found.optional("user_id", said, |said| match checks::text(said)? {
        said if said == user_id => Ok(()),
        _ => Err("isn't the one in the path; leave it out".to_owned()),
    });
    let name = found.optional("name", name, checks::line(LONGEST_NAME));
    let email = found.optional("email", email, checks::email);
    let phone = found.optional("phone", phone, checks::phone);
    let customer_group = found.optional("customer_group", group, checks::id);
    let notify_by = found.optional("notify_by", notify_by, channels)?.unwrap_or_default();
    let (name, email, phone, customer_group) = (name?, email?, phone?, customer_group?);
    for (channel, needs, is_there) in
        [(Channel::Email, "email", email.is_some()), (Channel::Sms, "phone", phone.is_some())]
    {
        if notify_by.contains(&channel) && !is_there {
            let name = channel_text(channel);
            found.add("notify_by", format!("{name} needs the field {needs}, which is missing"));
        }
    }
    Some(UserChanged { user_id: user_id.to_owned(), name, email, phone, customer_group, notify_by })
}

/// In the order in which they are listed here: no order of theirs means anything.
fn channels(value: &Json<'_>) -> Result<Vec<Channel>, String> {
    const RULE: &str = "has to be a list of EMAIL, SMS and WEBHOOK, each at most once";
    let Json::List(given) = value else {
        return Err(format!("{RULE}, not {}", value.kind()));
    };
    let mut wanted = [false; CHANNELS.len()];
    for channel in given {
        let name = checks::text(channel).map_err(|_| RULE.to_owned())?;
        let Some(index) = CHANNELS.iter().position(|(_, known)| *known == name) else {
            return Err(RULE.to_owned());
        };
        if std::mem::replace(&mut wanted[index], true) {
            return Err(RULE.to_owned());
        }
    }
    let chosen = CHANNELS.iter().zip(wanted).filter(|(_, is_wanted)| *is_wanted);
    Ok(chosen.map(|((channel, _), _)| *channel).collect())
}

/// As it stands in the table, and in the API.
pub(crate) fn channel_text(channel: Channel) -> &'static str {
    CHANNELS.iter().find(|(known, _)| *known == channel).map_or("UNKNOWN", |(_, text)| text)
}

pub(crate) fn channel_of(text: &str) -> Option<Channel> {
    CHANNELS.iter().find(|(_, known)| *known == text).map(|(channel, _)| *channel)
}
