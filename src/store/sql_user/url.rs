//! The address that a SQL user connects to.

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::super::{Store, StoreError};
use crate::domain::sql_user::{Password, SqlUserName};

impl Store {
    /// The URL with which a SQL user logs in to this database: where the service finds it, and with what TLS.
    pub fn url_of_sql_user(&self, name: &SqlUserName, password: &Password) -> String {
        url(&self.options, name, password)
    }

    /// The same for a private cluster that listens on the network; `None` if it does not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_network_url(
        &self,
        name: &SqlUserName,
        password: &Password,
    ) -> Result<Option<String>, StoreError> {
        let row = sqlx::query!(
            r#"SELECT current_setting('listen_addresses') AS "addresses!", current_setting('port') AS "port!""#
        )
        .fetch_one(&self.reads)
        .await?;
        let (Ok(port), false) = (row.port.parse(), row.addresses.is_empty()) else {
            return Ok(None);
        };
        let everywhere = ["*", "0.0.0.0", "::"].contains(&row.addresses.as_str());
        let host = if everywhere {
            "localhost"
        } else {
            &row.addresses
        };
        let options = PgConnectOptions::new_without_pgpass().host(host).port(port);
        let database = self.options.get_database().unwrap_or_default();
        Ok(Some(url(&options.database(database), name, password)))
    }
}

fn url(options: &PgConnectOptions, name: &SqlUserName, password: &Password) -> String {
    let host = options.get_host();
    let host = if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let database = escaped(options.get_database().unwrap_or(options.get_username()));
    let port = options.get_port();
    let (name, password) = (name.as_str(), password.expose());
    if let Some(socket) = options.get_socket() {
        let socket = escaped(&socket.to_string_lossy());
        return format!(
            "postgres://{name}:{password}@localhost/{database}?host={socket}&port={port}"
        );
    }
    let tls = match options.get_ssl_mode() {
        PgSslMode::Disable => "?sslmode=disable",
        PgSslMode::Allow => "?sslmode=allow",
        PgSslMode::Prefer => "",
        PgSslMode::Require => "?sslmode=require",
        PgSslMode::VerifyCa => "?sslmode=verify-ca",
        PgSslMode::VerifyFull => "?sslmode=verify-full",
    };
    format!("postgres://{name}:{password}@{host}:{port}/{database}{tls}")
}

/// Text as it stands in a URL.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'/' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Address;

    #[test]
    fn an_analyst_finds_the_database_where_the_service_does() {
        let name = SqlUserName::parse("acme_bi").unwrap();
        let password = Password::of([0; 32]);
        let secret = "A".repeat(43);
        for (given, expected) in [
            (
                "postgres://app:s3cret@db.example.com:6000/logs?sslmode=verify-full",
                format!("acme_bi:{secret}@db.example.com:6000/logs?sslmode=verify-full"),
            ),
            (
                "postgres://app@[::1]:6000/my%20log",
                format!("acme_bi:{secret}@[::1]:6000/my%20log"),
            ),
            (
                "postgres://app@localhost/logs?host=/run/my%20pg&port=6000",
                format!("acme_bi:{secret}@localhost/logs?host=/run/my%20pg&port=6000"),
            ),
        ] {
            let address = Address::parse(given).unwrap();
            let made = url(&address.0, &name, &password);
            assert_eq!(made, format!("postgres://{expected}"), "{given}");
        }
    }
}
