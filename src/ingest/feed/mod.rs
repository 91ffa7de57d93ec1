//! Watching the feed: what handlers see goes into a [`FeedWatch`], a [`FeedKeeper`] tells when a hook's
//! state changes and writes down what is no event.

mod beat;
mod downtime;
mod keeper;
mod settings;
mod watch;

pub use self::{
    keeper::FeedKeeper,
    settings::Settings,
    watch::{FeedWatch, HookReport},
};
