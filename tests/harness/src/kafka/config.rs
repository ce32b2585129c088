//! A broker's settings, as a file for a process and as the environment for a container.

/// The cluster's id; clusters are told apart by their ports.
pub(super) const CLUSTER: &str = "b3JkZXJseS1oYXJuZXNzMQ";

/// One listener: clients are told `advertised`.
pub(super) struct Listener {
    pub(super) name: &'static str,
    pub(super) bind: String,
    pub(super) advertised: Option<String>,
    pub(super) protocol: &'static str,
}

/// What differs between brokers.
pub(super) struct Spec<'a> {
    pub(super) id: i32,
    pub(super) listeners: Vec<Listener>,
    /// The listener that brokers use among themselves.
    pub(super) inter: &'static str,
    /// `id@host:port` of the controllers.
    pub(super) voters: &'a [String],
    pub(super) data: String,
    pub(super) more: Vec<(String, String)>,
}

impl Spec<'_> {
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        let replicas = self.voters.len();
        let in_sync = if replicas == 1 { "1" } else { "2" };
        let listed = |each: &dyn Fn(&Listener) -> Option<String>| -> String {
            self.listeners.iter().filter_map(each).collect::<Vec<_>>().join(",")
        };
        let replicas = replicas.to_string();
        let id = self.id.to_string();
        let voters = self.voters.join(",");
        let listeners = listed(&|l| Some(format!("{}://{}", l.name, l.bind)));
        let advertised = listed(&|l| l.advertised.as_ref().map(|at| format!("{}://{at}", l.name)));
        let protocols = listed(&|l| Some(format!("{}:{}", l.name, l.protocol)));
        let all = [
            ("process.roles", "broker,controller"),
            ("node.id", &id),
            ("controller.quorum.voters", &voters),
            ("controller.listener.names", "CONTROLLER"),
            ("listeners", &listeners),
            ("advertised.listeners", &advertised),
            ("listener.security.protocol.map", &protocols),
            ("inter.broker.listener.name", self.inter),
            ("log.dirs", &self.data),
            ("auto.create.topics.enable", "false"),
            ("default.replication.factor", &replicas),
            ("min.insync.replicas", in_sync),
            ("offsets.topic.replication.factor", &replicas),
            ("offsets.topic.num.partitions", "10"),
            ("transaction.state.log.replication.factor", &replicas),
            ("transaction.state.log.min.isr", in_sync),
            ("transaction.state.log.num.partitions", "10"),
            ("share.coordinator.state.topic.replication.factor", &replicas),
            ("share.coordinator.state.topic.min.isr", in_sync),
            ("group.initial.rebalance.delay.ms", "0"),
            // Members by KIP-848 don't say themselves how long they may be silent: as short as a
            // classic one may ask for.
            ("group.consumer.session.timeout.ms", "6000"),
            ("group.consumer.min.session.timeout.ms", "6000"),
            ("group.consumer.heartbeat.interval.ms", "1000"),
            ("group.consumer.min.heartbeat.interval.ms", "1000"),
            // A dead broker's partitions get another leader sooner than after nine seconds.
            ("broker.session.timeout.ms", "6000"),
            ("broker.heartbeat.interval.ms", "1000"),
            ("log.cleaner.dedupe.buffer.size", "16777216"), // 128 MiB of a small heap otherwise
        ];
        let all = all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        all.chain(self.more.iter().cloned()).collect()
    }

    /// server.properties.
    pub(super) fn file(&self) -> String {
        let line = |(name, value)| format!("{name}={value}\n");
        self.settings().into_iter().map(line).collect()
    }

    /// As Kafka's own image reads them.
    pub(super) fn envs(&self) -> Vec<(String, String)> {
        let env = |(name, value): (String, String)| {
            (format!("KAFKA_{}", name.to_uppercase().replace('.', "_")), value)
        };
        self.settings().into_iter().map(env).collect()
    }
}
