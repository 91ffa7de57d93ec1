//! Hooks and their secrets, from flags, environment and files.

use std::{
    collections::BTreeMap,
    fs,
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::Args;
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::{
    hook::{DEFAULT_HOOK, Hook, Hooks, TenantRule},
    ids::{Tenant, is_plain_name},
    signature::Secret,
};

/// Where secrets come from.
#[derive(Debug, Clone, Args)]
pub(super) struct HookArgs {
    /// Secret of the webhook, taken verbatim; repeat it while changing secrets, all are valid. Without
    /// any, one is made and kept in the data folder.
    #[arg(long, env = "TICKETLOG_SECRET", hide_env_values = true, value_name = "SECRET", value_parser = secret)]
    secret: Vec<Secret>,
    /// File of secrets, one a line; read again on SIGHUP.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Several hooks with secrets and tenants of their own, in TOML; read again on SIGHUP.
    #[arg(long, value_name = "FILE")]
    hooks: Option<PathBuf>,
    /// Believe bodies without a signature. Only for trying out, only on a loopback address.
    #[arg(long)]
    pub(super) allow_unsigned: bool,
}

/// A secret as a flag's value.
pub(super) fn secret(text: &str) -> Result<Secret, String> {
    Secret::new(text.to_owned()).ok_or_else(|| "a secret cannot be empty".to_owned())
}

/// The hooks, and the file of the secret that was made for want of one.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) hooks: Hooks,
    pub(super) own_secret: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HooksFile {
    #[serde(default)]
    hooks: BTreeMap<String, HookEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HookEntry {
    secrets: Vec<String>,
    tenant: Option<String>,
    accept: Option<Accept>,
}

impl std::fmt::Debug for HookEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HookEntry")
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Accept {
    Any(String),
    These(Vec<String>),
}

/// Puts the hooks together. The hook `default` exists when a secret is given, or when no hooks file is.
///
/// # Errors
/// If a file cannot be read, or says something that cannot be meant.
pub(super) fn load(args: &HookArgs, data_dir: &Path) -> anyhow::Result<Loaded> {
    let mut hooks = match &args.hooks {
        Some(file) => read_hooks(file).with_context(|| format!("reading {}", file.display()))?,
        None => Hooks::new(),
    };
    let mut secrets = args.secret.clone();
    if let Some(file) = &args.secret_file {
        let read = read_secrets(file).with_context(|| format!("reading {}", file.display()))?;
        secrets.extend(read);
    }
    let mut own_secret = None;
    if secrets.is_empty() && args.hooks.is_none() {
        let file = data_dir.join("secret");
        let text = own(&file).with_context(|| format!("keeping a secret in {}", file.display()))?;
        secrets.extend(Secret::new(text));
        own_secret = Some(file);
    }
    if !secrets.is_empty() {
        let default = hooks.entry(DEFAULT_HOOK.to_owned()).or_insert(Hook {
            secrets: Vec::new(),
            tenants: TenantRule::Any,
        });
        default.secrets.extend(secrets);
    }
    Ok(Loaded { hooks, own_secret })
}

/// The hooks of a file.
///
/// # Errors
/// If it cannot be read, or says something that cannot be meant.
pub(super) fn read_hooks(file: &Path) -> anyhow::Result<Hooks> {
    let text = fs::read_to_string(file)?;
    // The error of the parser quotes the line, which may hold a secret.
    let parsed: HooksFile = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(0, |span| {
            text.get(..span.start)
                .map_or(0, |before| before.lines().count().max(1))
        });
        anyhow::anyhow!("line {line}: {}", error.message())
    })?;
    ensure!(
        !parsed.hooks.is_empty(),
        "it names no hook: write [hooks.NAME] with secrets = [\"…\"]"
    );
    parsed
        .hooks
        .into_iter()
        .map(|(name, entry)| {
            let hook = hook(&name, entry).with_context(|| format!("hook \"{name}\""))?;
            Ok((name, hook))
        })
        .collect()
}

fn hook(name: &str, entry: HookEntry) -> anyhow::Result<Hook> {
    ensure!(
        is_plain_name(name),
        "a hook's name is 1 to 64 letters, digits, '.', '_' or '-'"
    );
    ensure!(!entry.secrets.is_empty(), "it needs secrets = [\"…\"]");
    let secrets: Option<Vec<Secret>> = entry.secrets.into_iter().map(Secret::new).collect();
    let tenants = match (entry.tenant, entry.accept) {
        (Some(name), None) => TenantRule::Override(tenant(&name)?),
        (None, Some(Accept::Any(any))) if any == "any" => TenantRule::Any,
        (None, Some(Accept::These(names))) if !names.is_empty() => {
            let tenants: anyhow::Result<Vec<Tenant>> =
                names.iter().map(|name| tenant(name)).collect();
            TenantRule::Accept(tenants?)
        }
        _ => bail!("it needs one of tenant = \"X\", accept = [\"A\", …] or accept = \"any\""),
    };
    Ok(Hook {
        secrets: secrets.context("a secret cannot be empty")?,
        tenants,
    })
}

/// A tenant's name as an operator writes it.
pub(super) fn tenant(name: &str) -> anyhow::Result<Tenant> {
    Tenant::parse(name).with_context(|| {
        format!("\"{name}\" is no tenant: 1 to 64 letters, digits, '.', '_' or '-'")
    })
}

fn read_secrets(file: &Path) -> anyhow::Result<Vec<Secret>> {
    let text = fs::read_to_string(file)?;
    let secrets: Vec<Secret> = text
        .lines()
        .map(ToOwned::to_owned)
        .filter_map(Secret::new)
        .collect();
    ensure!(!secrets.is_empty(), "it holds no secret: write one a line");
    Ok(secrets)
}

/// The secret kept in this file; made, if there is no such file.
fn own(file: &Path) -> anyhow::Result<String> {
    let made = URL_SAFE_NO_PAD.encode(
        [Uuid::new_v4(), Uuid::new_v4()]
            .map(Uuid::into_bytes)
            .concat(),
    );
    let create = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    match create {
        Ok(mut created) => {
            created.write_all(made.as_bytes())?;
            created.sync_all()?;
            Ok(made)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let kept = fs::read_to_string(file)?.trim().to_owned();
            ensure!(
                !kept.is_empty(),
                "the file is empty: remove it, and a new secret is made"
            );
            Ok(kept)
        }
        Err(error) => Err(error.into()),
    }
}
