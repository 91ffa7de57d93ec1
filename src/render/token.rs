//! Tokens, for the terminal and as JSON.

use comfy_table::{ContentArrangement, presets::UTF8_HORIZONTAL_ONLY};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{
    csv::{Cell, Table},
    parked::seconds,
    terminal,
};
use crate::domain::{
    ids::Tenant,
    token::{Access, Scope, TokenSummary},
};

/// One token in a list.
#[derive(Debug, Serialize)]
pub struct TokenJson {
    token_id: Uuid,
    prefix: String,
    state: &'static str,
    /// Null for all.
    tenants: Option<Vec<Tenant>>,
    scopes: Vec<&'static str>,
    name: Option<String>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    /// Where somebody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
}

impl TokenJson {
    /// With its state at an instant.
    pub fn new(token: TokenSummary, now: Timestamp) -> Self {
        Self {
            state: token.state(now).as_str(),
            token_id: token.token_id,
            prefix: token.prefix,
            scopes: token.access.scopes.iter().map(|s| s.as_str()).collect(),
            tenants: token.access.tenants.map(|all| all.into_iter().collect()),
            name: token.name,
            created_at: token.created_at,
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
            last_used_at: None,
        }
    }

    /// With when it was last used.
    #[must_use]
    pub fn last_used(self, last_used_at: Option<Timestamp>) -> Self {
        Self {
            last_used_at,
            ..self
        }
    }
}

impl Table for TokenJson {
    const COLUMNS: &'static [&'static str] = &[
        "token_id",
        "prefix",
        "state",
        "tenants",
        "scopes",
        "name",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
    ];

    fn rows(&self) -> Vec<Vec<Cell>> {
        let tenants = self.tenants.iter().flatten().map(Tenant::as_str);
        let tenants: Vec<&str> = tenants.collect();
        vec![vec![
            Cell::Text(self.token_id.to_string()),
            Cell::from(&self.prefix),
            self.state.into(),
            self.tenants
                .as_ref()
                .map_or(Cell::Null, |_| Cell::words(&tenants)),
            Cell::words(&self.scopes),
            self.name.as_ref().into(),
            self.created_at.into(),
            self.expires_at.into(),
            self.revoked_at.into(),
            self.last_used_at.into(),
        ]]
    }
}

/// A list as a table that fits the terminal, with their states at an instant.
pub fn list(tokens: &[TokenSummary], now: Timestamp) -> String {
    let mut table = comfy_table::Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header([
            "token",
            "state",
            "scopes",
            "tenants",
            "made (UTC)",
            "expires",
            "revoked",
            "name",
        ]);
    for token in tokens {
        let name = token.name.as_deref().unwrap_or_default();
        table.add_row([
            format!("{}…", token.prefix),
            token.state(now).as_str().to_owned(),
            scopes(&token.access),
            tenants(&token.access),
            seconds(token.created_at),
            token.expires_at.map_or("never".to_owned(), seconds),
            token.revoked_at.map_or(String::new(), seconds),
            terminal::escaped(name.as_bytes()),
        ]);
    }
    table.to_string()
}

/// The scopes of a token, as people read them.
pub fn scopes(access: &Access) -> String {
    let words: Vec<&str> = access.scopes.iter().map(|s| Scope::as_str(*s)).collect();
    words.join(", ")
}

/// The tenants of a token, as people read them.
pub fn tenants(access: &Access) -> String {
    let Some(tenants) = &access.tenants else {
        return "all".to_owned();
    };
    let names: Vec<&str> = tenants.iter().map(Tenant::as_str).collect();
    names.join(", ")
}
