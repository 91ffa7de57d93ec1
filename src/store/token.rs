//! Tokens for reads over HTTP: their hashes, and what they are good for.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::{
    ids::Tenant,
    session::SessionHash,
    token::{Access, Scope, TokenHash, TokenSummary},
};

/// A token as it is stored, without its hash.
struct Row {
    token_id: Uuid,
    prefix: String,
    tenants: Option<Vec<String>>,
    scopes: Vec<String>,
    name: Option<String>,
    created_at: jiff_sqlx::Timestamp,
    expires_at: Option<jiff_sqlx::Timestamp>,
    revoked_at: Option<jiff_sqlx::Timestamp>,
}

/// A query of tokens: what follows their columns, and its arguments.
macro_rules! tokens {
    ($rest:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            Row,
            r#"SELECT token_id, prefix, tenants, scopes, name,
                      created_at AS "created_at: jiff_sqlx::Timestamp",
                      expires_at AS "expires_at: jiff_sqlx::Timestamp",
                      revoked_at AS "revoked_at: jiff_sqlx::Timestamp"
               FROM token "# + $rest
            $(, $argument)*
        )
    };
}

impl Store {
    /// Stores a token that was made: its hash, never the token.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] if it is there already.
    pub async fn insert_token(
        &self,
        hash: &TokenHash,
        made: &TokenSummary,
    ) -> Result<(), StoreError> {
        let tenants = made.access.tenants.as_ref();
        let tenants: Option<Vec<&str>> =
            tenants.map(|tenants| tenants.iter().map(Tenant::as_str).collect());
        let scopes: Vec<&str> = made.access.scopes.iter().map(|s| s.as_str()).collect();
        sqlx::query!(
            "INSERT INTO token (token_id, prefix, sha256, tenants, scopes, name, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            made.token_id,
            made.prefix,
            hash.as_slice(),
            tenants as _,
            scopes as _,
            made.name,
            made.created_at.to_sqlx() as _,
            made.expires_at.map(ToSqlx::to_sqlx) as _,
        )
        .execute(&self.reads)
        .await?;
        Ok(())
    }

    /// The token of this hash, if it is taken at `now`. Served by the unique index on the hash; how long a
    /// comparison of hashes takes says nothing of a token, for nobody can choose a token by its hash.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_live_token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<TokenSummary>, StoreError> {
        let question = tokens!(
            "WHERE sha256 = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
            hash.as_slice(),
            now.to_sqlx() as _
        );
        let row = self.lookups.fetch_optional(question).await?;
        row.map(TokenSummary::try_from).transpose()
    }

    /// The token that somebody logged in with, if both it and the session are taken at `now`: a token that is
    /// revoked or expires ends its sessions. Served by the keys of both.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn find_token_of_session(
        &self,
        hash: &SessionHash,
        now: Timestamp,
    ) -> Result<Option<TokenSummary>, StoreError> {
        let question = tokens!(
            "WHERE token_id = (SELECT token_id FROM session WHERE sha256 = $1 AND expires_at > $2)
               AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
            hash.as_slice(),
            now.to_sqlx() as _
        );
        let row = self.lookups.fetch_optional(question).await?;
        row.map(TokenSummary::try_from).transpose()
    }

    /// The tokens whose prefix begins so, or the one that has this id, oldest first, `limit` at most. Reads the whole table, which is as
    /// long as people made tokens.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_tokens_called(
        &self,
        name: &str,
        limit: u16,
    ) -> Result<Vec<TokenSummary>, StoreError> {
        let rows = tokens!(
            "WHERE starts_with(prefix, $1) OR token_id::text = $1 ORDER BY token_id LIMIT $2",
            name,
            i64::from(limit)
        )
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter().map(TokenSummary::try_from).collect()
    }

    /// Tokens made after this one, oldest first, `limit` at most. Served by the primary key.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_tokens(
        &self,
        after: Option<Uuid>,
        limit: u16,
    ) -> Result<Vec<TokenSummary>, StoreError> {
        let rows = tokens!(
            "WHERE token_id > $1 ORDER BY token_id LIMIT $2",
            after.unwrap_or_default(),
            i64::from(limit)
        )
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter().map(TokenSummary::try_from).collect()
    }

    /// Revokes a token from now on; one that is revoked already stays so since then.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revoke_token(&self, token_id: Uuid, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE token SET revoked_at = $2 WHERE token_id = $1 AND revoked_at IS NULL",
            token_id,
            now.to_sqlx() as _,
        )
        .execute(&self.reads)
        .await?;
        Ok(())
    }

    /// True if a token was ever made.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn has_any_token(&self) -> Result<bool, StoreError> {
        let row = sqlx::query!(r#"SELECT EXISTS (SELECT FROM token) AS "any!""#)
            .fetch_one(&self.reads)
            .await?;
        Ok(row.any)
    }
}

impl TryFrom<Row> for TokenSummary {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let corrupt = |column| StoreError::Corrupt {
            table: "token",
            column,
            row: row.token_id.to_string(),
        };
        let tenants: Option<Option<BTreeSet<Tenant>>> = row
            .tenants
            .map(|names| names.iter().map(|name| Tenant::parse(name)).collect());
        let tenants = tenants
            .map(|tenants| tenants.ok_or_else(|| corrupt("tenants")))
            .transpose()?;
        let scopes: Option<BTreeSet<Scope>> =
            row.scopes.iter().map(|word| Scope::parse(word)).collect();
        let scopes = scopes.ok_or_else(|| corrupt("scopes"))?;
        Ok(Self {
            token_id: row.token_id,
            prefix: row.prefix,
            access: Access { tenants, scopes },
            name: row.name,
            created_at: row.created_at.to_jiff(),
            expires_at: row.expires_at.map(jiff_sqlx::Timestamp::to_jiff),
            revoked_at: row.revoked_at.map(jiff_sqlx::Timestamp::to_jiff),
        })
    }
}
