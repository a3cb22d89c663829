//! DNS lookups, to verify that an organization controls a domain.

use account::Refusal;
use hickory_resolver::Resolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData};
use std::net::SocketAddr;
use std::time::Duration;

/// Time limit of a lookup.
const TIME: Duration = Duration::from_secs(5);
/// Time until an unanswered query is sent again.
const QUERY_TIME: Duration = Duration::from_secs(2);
/// Maximum number of texts that are read.
const MOST_TEXTS: usize = 20;
/// The file that names this machine's DNS servers.
const SYSTEM: &str = "/etc/resolv.conf";
const PORT: u16 = 53;

/// The DNS server to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dns {
    /// This machine's, from `/etc/resolv.conf`.
    System,
    /// The one at this address.
    Server(SocketAddr),
}

/// Returns the name at which an organization publishes its proof for a domain. Attack: a user's page or a mail service at the
/// domain itself accepts texts of strangers.
#[must_use]
pub fn proof_name(domain: &str) -> String {
    format!("_rekey-verification.{domain}")
}

impl Dns {
    /// Checks that the DNS has exactly this proof of a domain.
    ///
    /// # Errors
    /// A refusal: no response, a failure, no text, or another one.
    pub async fn verify(self, domain: &str, proof: &str) -> Result<(), Refusal> {
        let texts = tokio::time::timeout(TIME, self.texts(domain))
            .await
            .map_err(|_| Refusal::DomainTimeout)??;
        match texts.iter().any(|text| text == proof.as_bytes()) {
            true => Ok(()),
            false if texts.is_empty() => Err(Refusal::DomainRecordMissing),
            false => Err(Refusal::DomainRecordWrong),
        }
    }

    /// Returns the texts at the name of a domain's proof, each joined from its strings (RFC 1035 §3.3.14).
    async fn texts(self, domain: &str) -> Result<Vec<Vec<u8>>, Refusal> {
        // With the dot of the root: no search list applies.
        let name = Name::from_ascii(format!("{}.", proof_name(domain))).map_err(|_| Refusal::DomainMalformed)?;
        let config = ResolverConfig::from_name_servers(self.servers().await?);
        let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        (options.timeout, options.attempts) = (QUERY_TIME, 1);
        // Every check asks the DNS, because the record was published a moment ago.
        options.cache_size = 0;
        options.preserve_intermediates = true;
        let resolver = builder.build().map_err(|_| Refusal::DomainServerFailed)?;
        let found = resolver
            .txt_lookup(name.clone())
            .await
            .map_err(|error| refused(&error))?;
        let texts = found.answers().iter().filter_map(|record| match &record.data {
            // Attack: `*.example.com` is a CNAME to a service where a stranger publishes texts. Only records of the name itself
            // count, not those that a CNAME leads to.
            RData::TXT(text) if record.name == name => Some(text.txt_data.concat()),
            _ => None,
        });
        Ok(texts.take(MOST_TEXTS).collect())
    }

    async fn servers(self) -> Result<Vec<NameServerConfig>, Refusal> {
        let servers = match self {
            Self::Server(address) => vec![address],
            Self::System => {
                let file = tokio::fs::read(SYSTEM).await.map_err(|_| Refusal::DomainServerFailed)?;
                let system = resolv_conf::Config::parse(file).map_err(|_| Refusal::DomainServerFailed)?;
                let servers = system.nameservers.iter();
                servers.map(|ip| SocketAddr::new(ip.into(), PORT)).collect()
            }
        };
        Ok(servers.into_iter().map(name_server).collect())
    }
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

fn refused(error: &NetError) -> Refusal {
    match error {
        NetError::Timeout => Refusal::DomainTimeout,
        NetError::Dns(DnsError::NoRecordsFound(none))
            if matches!(none.response_code, ResponseCode::NoError | ResponseCode::NXDomain) =>
        {
            Refusal::DomainRecordMissing
        }
        _ => Refusal::DomainServerFailed,
    }
}
