//! The whole: parts, feed, a world of users, a member that is killed in the middle, the proof.

use std::env;

use orderly_examples::{Place, Result};
use orderly_sdk::{
    Config,
    codec::{Encoders, Registry},
    emit::{EmitSettings, Emitter},
};
use orderly_stores::Database;
use orderly_web::{Bounds, serve_until};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    args::{Run, Way},
    client::Client,
    fan_out::GROUP,
    follows::{Followed, Unfollowed},
    generate::Generator,
    kept::Kept,
    member::Member,
    posts::Posted,
    prove::prove,
    routes::{self, Feed},
    said::Said,
    tables,
    world::{CELEBRITY, World},
};

/// Plays, proves, and says whether it holds.
pub async fn run(args: Run) -> Result<bool> {
    let parts = Parts::find().await?;
    let serving = Serving::start(&parts, &args).await?;
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    // Names of this run alone: the parts may have been used before.
    let tag = format!("r{:08x}", fastrand::u32(..));
    let mut rng = fastrand::Rng::with_seed(seed);
    let way = args.way;
    let celebrity_at = usize::try_from(way.celebrity_at)?;
    let users = usize::try_from(args.users)?;
    if celebrity_at + 1 >= users {
        return Err(
            "--celebrity-at has to be less than the followers that the first user gets".into()
        );
    }
    let world = World::new(&tag, users, args.posts, celebrity_at, &mut rng);
    println!("{users} users of seed {seed} at {}", serving.url);

    let client = Client::new(serving.url.clone())?;
    let kept = Kept::new(&parts.config, &parts.database, &tag)?;
    let generator = Generator { world: &world, client: &client, kept: &kept };
    let member = Member::start(&parts.config, &parts.database_url, way)?;
    generator.first_act().await?;
    let (_, member) =
        tokio::try_join!(generator.second_act(), kill(member, &parts, &kept, way, args.posts))?;
    generator.third_act(way.celebrity_at).await?;
    kept.until_done().await?;

    let celebrity = world.name(CELEBRITY);
    let (on_write, on_read) = kept.ways(celebrity).await?;
    println!("{celebrity} became a celebrity: {on_write} posts on write, then {on_read} on read");
    let (taken, merged) = kept.posts().await?;
    println!("{merged} of {taken} posts are merged when a timeline is read");
    if let Some(fault) = args.fault {
        fault.plant(&parts.database, &tag, celebrity).await?;
        println!("{fault:?} is planted");
    }
    let said = Said::read(&parts.config, &tag).await?;
    let proof = prove(&world, &said, &client).await?;
    println!("{} known repeats in the topics\n{proof}", said.repeats);
    if args.serve {
        println!("serving at {}, until Ctrl-C", serving.url);
        tokio::signal::ctrl_c().await?;
    }
    member.leave().await?;
    serving.end().await?;
    // Without both ways nothing would be shown of how one follows the other.
    Ok(proof.holds() && on_write > 0 && on_read > 0)
}

/// Kills the member while posts come, and starts another.
async fn kill(member: Member, parts: &Parts, kept: &Kept, way: Way, posts: u32) -> Result<Member> {
    kept.until_posts_exceed(i64::from(posts).div_euclid(3)).await?;
    member.kill().await?;
    let (taken, _) = kept.posts().await?;
    println!("a member of {GROUP} was killed after {taken} of {posts} posts; another is started");
    Ok(Member::start(&parts.config, &parts.database_url, way)?)
}

/// Kafka, registry and database: those that the environment names, else embedded ones.
struct Parts {
    config: Config,
    database: Database,
    database_url: String,
    _place: Place,
    _directory: Option<TempDir>,
}

impl Parts {
    async fn find() -> Result<Self> {
        let place = Place::with(&["posts", "follows"], GROUP).await?;
        let mut config = place.config.clone();
        if !place.is_embedded() {
            // As short as brokers take it: the killed member's partitions are waited for.
            for (key, value) in [("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "1000")]
            {
                config.consumer_properties.push((key.into(), value.into()));
            }
        }
        let (database_url, directory) = match env::var("DATABASE_URL") {
            Ok(url) => (url, None),
            Err(_) => {
                let directory = tempfile::tempdir()?;
                (format!("sqlite:{}", directory.path().join("feed.db").display()), Some(directory))
            }
        };
        let database = Database::open(&database_url)?;
        tables::prepare(&database).await?;
        Ok(Self { config, database, database_url, _place: place, _directory: directory })
    }
}

/// The feed over HTTP.
struct Serving {
    url: String,
    task: JoinHandle<std::io::Result<()>>,
    stop: DropGuard,
}

impl Serving {
    async fn start(parts: &Parts, args: &Run) -> Result<Self> {
        let events =
            Encoders::of("feed").event::<Posted>().event::<Followed>().event::<Unfollowed>();
        let registry = Registry::new(&parts.config)?;
        let events = events.register(&parts.config, &registry).await?;
        let emitter = Emitter::connect(&parts.config, events, EmitSettings::default()).await?;
        let router = routes::router(Feed { emitter, database: parts.database.clone() });
        let listener = TcpListener::bind(args.listen).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let bounds = Bounds { most_connections: 1_000, ..Bounds::default() };
        let task =
            tokio::spawn(async move { serve_until(listener, router, &bounds, &stopped).await });
        Ok(Self { url, task, stop: stop.drop_guard() })
    }

    async fn end(self) -> Result {
        drop(self.stop);
        Ok(self.task.await??)
    }
}
