//! SQL users, for the terminal and as JSON.

use comfy_table::{ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};
use serde::Serialize;

use super::terminal;
use crate::domain::{
    ids::Tenant,
    sql_user::{SqlUser, SqlUserOrigin},
};

/// One SQL user in a list.
#[derive(Debug, Serialize)]
pub struct SqlUserJson {
    name: String,
    tenants: Vec<Tenant>,
    /// `ours`, `foreign` or `gone`.
    origin: &'static str,
    /// Null for what the database says.
    statement_timeout_seconds: Option<f64>,
    sessions: i64,
}

impl From<SqlUser> for SqlUserJson {
    fn from(user: SqlUser) -> Self {
        Self {
            name: user.name,
            tenants: user.tenants.into_iter().collect(),
            origin: user.origin.as_str(),
            statement_timeout_seconds: user.statement_timeout.map(|time| time.as_secs_f64()),
            sessions: user.sessions,
        }
    }
}

/// A list as a table that fits the terminal.
pub fn list(users: &[SqlUser]) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["sql user", "tenants", "time-out", "sessions", "remark"]);
    for user in users {
        let tenants: Vec<&str> = user.tenants.iter().map(Tenant::as_str).collect();
        let timeout = user
            .statement_timeout
            .map_or_else(|| "none of its own".to_owned(), |time| format!("{time:#}"));
        table.add_row([
            terminal::escaped(user.name.as_bytes()),
            tenants.join(", "),
            timeout,
            user.sessions.to_string(),
            remark(user.origin).to_owned(),
        ]);
    }
    table.to_string()
}

fn remark(origin: SqlUserOrigin) -> &'static str {
    match origin {
        SqlUserOrigin::Ours => "",
        SqlUserOrigin::Foreign => "a role that somebody else made",
        SqlUserOrigin::Gone => "there is no such role any more",
    }
}
