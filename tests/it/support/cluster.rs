//! One private cluster for all test processes, a database a test.
//!
//! Under nextest every test is a process, under `cargo test` a thread. Either way each process holds a
//! shared lock on a file for as long as it lives; a keeper process (this binary again) runs the cluster,
//! waits for the lock to be free and then stops it. So the last one out stops it, even after kill -9.

use std::{
    env,
    fs::{self, File},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sha2::{Digest, Sha256};
use sqlx::{Connection, Executor, PgConnection, postgres::PgConnectOptions};
use ticketlog::{
    postgres::{self, Endpoint, SUPERUSER, Settings},
    store::{Address, SERVICE, Store},
};
use tokio::sync::OnceCell;

/// How long the keeper waits for the next test process: nextest leaves gaps between them.
const GRACE: Duration = Duration::from_secs(3);

/// Tells the keeper from a run of all ignored tests.
const KEEPER: &str = "TICKETLOG_TEST_KEEPER";

/// A database of the test's own, with the schema in it.
pub(crate) struct TestDb {
    pub(crate) store: Store,
    pub(crate) name: String,
    pub(crate) endpoint: Endpoint,
}

impl TestDb {
    pub(crate) async fn create() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let cluster = cluster().await;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        let mut admin = connect(&cluster.endpoint, SUPERUSER, "postgres").await;
        // Left behind by an earlier process of the same number.
        run(
            &mut admin,
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        )
        .await;
        let template = &cluster.template;
        run(
            &mut admin,
            format!("CREATE DATABASE {name} TEMPLATE {template} OWNER {SERVICE}"),
        )
        .await;
        let endpoint = cluster.endpoint.clone();
        let store = Store::open(&address(&endpoint, &name)).await.unwrap();
        Self {
            store,
            name,
            endpoint,
        }
    }

    /// The same database through connections of another receiver.
    pub(crate) async fn again(&self) -> Self {
        let store = Store::open(&address(&self.endpoint, &self.name)).await;
        Self {
            store: store.unwrap(),
            name: self.name.clone(),
            endpoint: self.endpoint.clone(),
        }
    }

    /// A session of the service's role.
    pub(crate) async fn connect(&self) -> PgConnection {
        connect(&self.endpoint, SERVICE, &self.name).await
    }

    /// A session of a superuser.
    pub(crate) async fn connect_as_superuser(&self) -> PgConnection {
        connect(&self.endpoint, SUPERUSER, &self.name).await
    }

    /// The URL of this database for another process.
    pub(crate) fn url(&self) -> String {
        let Endpoint { socket_dir, port } = &self.endpoint;
        let host = socket_dir.display().to_string().replace('/', "%2F");
        format!(
            "postgres://{SERVICE}@localhost/{}?host={host}&port={port}",
            self.name
        )
    }
}

struct Cluster {
    endpoint: Endpoint,
    template: String,
}

/// Per process, but not bound to a runtime: each test has its own.
async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_init(start).await
}

async fn start() -> Cluster {
    static IN_USE: OnceLock<File> = OnceLock::new();
    let settings = settings();
    fs::create_dir_all(&settings.data_dir).unwrap();
    let gate = lock_file("gate.lock");
    gate.lock().unwrap();
    let in_use = IN_USE.get_or_init(|| lock_file("users.lock"));
    in_use.lock_shared().unwrap();
    let endpoint = match postgres::attach(&settings).await.unwrap() {
        Some(endpoint) => endpoint,
        None => start_keeper(&settings).await,
    };
    let template = ensure_template(&endpoint).await;
    Cluster { endpoint, template }
}

async fn start_keeper(settings: &Settings) -> Endpoint {
    let log = File::create(settings.data_dir.join("keeper.log")).unwrap();
    #[expect(clippy::zombie_processes, reason = "it outlives this process")]
    let mut keeper = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "support::cluster::keeper",
            "--ignored",
            "--nocapture",
        ])
        .env(KEEPER, "1")
        .env_remove("NEXTEST")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    loop {
        if let Some(endpoint) = postgres::attach(settings).await.unwrap() {
            return endpoint;
        }
        if let Some(status) = keeper.try_wait().unwrap() {
            let log = fs::read_to_string(settings.data_dir.join("keeper.log")).unwrap();
            panic!("the keeper ended ({status}):\n{log}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Not a test: the process that runs the cluster for all others.
#[test]
#[ignore = "started by the tests themselves"]
fn keeper() {
    if env::var_os(KEEPER).is_none() {
        return;
    }
    let settings = settings();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = runtime.block_on(postgres::start(&settings, &|_| ()));
    let cluster = cluster.unwrap();
    let users = lock_file("users.lock");
    loop {
        users.lock().unwrap();
        users.unlock().unwrap();
        std::thread::sleep(GRACE);
        if users.try_lock().is_ok() {
            break;
        }
    }
    runtime.block_on(cluster.stop_fast()).unwrap();
    // A database a test is half a gigabyte a run.
    fs::remove_dir_all(settings.data_dir.join("cluster")).unwrap();
}

/// A database with the schema, from which the tests' own are copied; a changed migration has another.
async fn ensure_template(endpoint: &Endpoint) -> String {
    let mut migrations: Vec<PathBuf> =
        fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
    migrations.sort();
    let mut digest = Sha256::new();
    for migration in migrations {
        digest.update(fs::read(migration).unwrap());
    }
    let digest: [u8; 32] = digest.finalize().into();
    let template = format!(
        "template_{:016x}",
        u64::from_be_bytes(digest[..8].try_into().unwrap())
    );
    let mut admin = connect(endpoint, SUPERUSER, "postgres").await;
    let found: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_database WHERE datname = $1")
        .bind(&template)
        .fetch_optional(&mut admin)
        .await
        .unwrap();
    if found.is_none() {
        let half_made = format!("{template}_new");
        run(&mut admin, format!("DROP DATABASE IF EXISTS {half_made}")).await;
        let superuser =
            Address::of_socket(&endpoint.socket_dir, endpoint.port, SUPERUSER, "postgres");
        ticketlog::store::provision(&superuser, &half_made)
            .await
            .unwrap();
        let store = Store::open(&address(endpoint, &half_made)).await.unwrap();
        store.close().await;
        run(
            &mut admin,
            format!("ALTER DATABASE {half_made} RENAME TO {template}"),
        )
        .await;
    }
    template
}

fn address(endpoint: &Endpoint, database: &str) -> Address {
    Address::of_socket(&endpoint.socket_dir, endpoint.port, SERVICE, database)
}

async fn connect(endpoint: &Endpoint, role: &str, database: &str) -> PgConnection {
    let options = PgConnectOptions::new_without_pgpass()
        .socket(&endpoint.socket_dir)
        .port(endpoint.port)
        .username(role)
        .database(database);
    PgConnection::connect_with(&options).await.unwrap()
}

async fn run(session: &mut PgConnection, statement: String) {
    session
        .execute(sqlx::AssertSqlSafe(statement))
        .await
        .unwrap();
}

fn settings() -> Settings {
    Settings {
        data_dir: data_dir(),
        search_path: env::var_os("PATH"),
        ..Settings::default()
    }
}

fn lock_file(name: &str) -> File {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(data_dir().join(name))
        .unwrap()
}

/// Under `target/`; for root, whose Postgres runs as another user, elsewhere if that user cannot get
/// there.
fn data_dir() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let open =
        |dir: &Path| fs::metadata(dir).is_ok_and(|dir| dir.permissions().mode() & 0o001 != 0);
    if !nix::unistd::geteuid().is_root() || target.ancestors().all(open) {
        return target.join("postgres");
    }
    let digest: [u8; 32] = Sha256::digest(target.as_os_str().as_encoded_bytes()).into();
    let digest = u32::from_be_bytes(digest[..4].try_into().unwrap());
    env::temp_dir().join(format!("ticketlog-tests-{digest:08x}"))
}
