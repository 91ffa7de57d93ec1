//! Access: tokens, and what each may read.

mod answers;
mod command;
mod matrix;

use ticketlog::domain::token::{Token, TokenSummary};

use crate::support::app::TestApp;

async fn insert(app: &TestApp, token: &Token, made: &TokenSummary) {
    let store = &app.db.store;
    store.insert_token(&token.hash(), made).await.unwrap();
}
