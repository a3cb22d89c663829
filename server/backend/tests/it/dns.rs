//! Verification of domains, against a DNS server on loopback.

use account::Refusal;
use backend::{Dns, proof_name};
use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{CNAME, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

const PROOF: &str = "rekey-verification=00112233445566778899aabbccddeeff";

/// The answer for a name, such as `_rekey-verification.example.com.`; `None`: no response.
type Answer = fn(name: &str) -> Option<(ResponseCode, Vec<(String, RData)>)>;

/// A DNS server with an answer for each name.
pub struct DnsPeer {
    pub dns: Dns,
    queries: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for DnsPeer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl DnsPeer {
    pub async fn answering(answer: Answer) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let dns = Dns::Server(socket.local_addr().unwrap());
        let queries = Arc::new(AtomicUsize::new(0));
        let count = queries.clone();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 1_500];
            loop {
                let (length, peer) = socket.recv_from(&mut buffer).await.unwrap();
                let query = Message::from_vec(&buffer[..length]).unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let name = query.queries[0].name().to_string();
                let Some((code, records)) = answer(&name) else { continue };
                let mut response = Message::response(query.metadata.id, OpCode::Query);
                response.metadata.response_code = code;
                response.metadata.recursion_available = true;
                response.add_query(query.queries[0].clone());
                for (name, data) in records {
                    response.add_answer(Record::from_rdata(Name::from_ascii(name).unwrap(), 60, data));
                }
                socket.send_to(&response.to_vec().unwrap(), peer).await.unwrap();
            }
        });
        Self { dns, queries, task }
    }
}

pub fn txt(parts: &[&str]) -> RData {
    RData::TXT(TXT::new(parts.iter().map(|part| (*part).to_owned()).collect()))
}

fn proof_record(data: RData) -> Option<(ResponseCode, Vec<(String, RData)>)> {
    let name = format!("{}.", proof_name("example.com"));
    Some((ResponseCode::NoError, vec![(name, data)]))
}

async fn verified(answer: Answer) -> Result<(), Refusal> {
    let peer = DnsPeer::answering(answer).await;
    peer.dns.verify("example.com", PROOF).await
}

#[tokio::test]
async fn the_proof_is_read_at_its_own_name_in_one_query() {
    let peer = DnsPeer::answering(|name| {
        assert_eq!(name, "_rekey-verification.example.com.");
        proof_record(txt(&[PROOF]))
    })
    .await;
    assert_eq!(peer.dns.verify("example.com", PROOF).await, Ok(()));
    assert_eq!(peer.queries.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_long_text_is_joined_from_its_strings() {
    let result = verified(|_| proof_record(txt(&["rekey-verification=00112233445566", "778899aabbccddeeff"]))).await;
    assert_eq!(result, Ok(()));
}

#[tokio::test]
async fn another_text_is_refused() {
    for answer in [(|_| proof_record(txt(&["rekey-verification=00"]))) as Answer, |_| {
        proof_record(txt(&[PROOF, "0"]))
    }] {
        assert_eq!(verified(answer).await, Err(Refusal::DomainRecordWrong));
    }
}

/// Attack: strangers publish texts at the domain itself, for example through a service that it uses.
#[tokio::test]
async fn a_record_at_the_domain_itself_does_not_count() {
    let at_the_domain: Answer = |name| match name {
        "example.com." => Some((ResponseCode::NoError, vec![(name.to_owned(), txt(&[PROOF]))])),
        _ => Some((ResponseCode::NXDomain, Vec::new())),
    };
    assert_eq!(verified(at_the_domain).await, Err(Refusal::DomainRecordMissing));
    // Also if a server adds it unasked.
    let beside: Answer = |_| Some((ResponseCode::NoError, vec![("example.com.".into(), txt(&[PROOF]))]));
    assert_eq!(verified(beside).await, Err(Refusal::DomainRecordMissing));
}

/// Attack: `*.example.com` is an alias of a host whose records a stranger controls.
#[tokio::test]
async fn a_record_behind_an_alias_does_not_count() {
    let with_target: Answer = |name| match name {
        "stranger.example." => Some((ResponseCode::NoError, vec![(name.to_owned(), txt(&[PROOF]))])),
        _ => {
            let target = Name::from_ascii("stranger.example.").unwrap();
            let alias = (name.to_owned(), RData::CNAME(CNAME(target)));
            Some((
                ResponseCode::NoError,
                vec![alias, ("stranger.example.".into(), txt(&[PROOF]))],
            ))
        }
    };
    assert_eq!(verified(with_target).await, Err(Refusal::DomainRecordMissing));
    let alone: Answer = |name| match name {
        "stranger.example." => Some((ResponseCode::NoError, vec![(name.to_owned(), txt(&[PROOF]))])),
        _ => {
            let target = Name::from_ascii("stranger.example.").unwrap();
            Some((
                ResponseCode::NoError,
                vec![(name.to_owned(), RData::CNAME(CNAME(target)))],
            ))
        }
    };
    assert_eq!(verified(alone).await, Err(Refusal::DomainRecordMissing));
}

#[tokio::test]
async fn only_the_first_twenty_texts_are_read() {
    let answer: Answer = |name| {
        let others = (0..25).map(|_| (name.to_owned(), txt(&["other"])));
        Some((
            ResponseCode::NoError,
            others.chain([(name.to_owned(), txt(&[PROOF]))]).collect(),
        ))
    };
    assert_eq!(verified(answer).await, Err(Refusal::DomainRecordWrong));
}

#[tokio::test]
async fn each_failure_has_its_own_refusal() {
    let missing: Answer = |_| Some((ResponseCode::NXDomain, Vec::new()));
    assert_eq!(verified(missing).await, Err(Refusal::DomainRecordMissing));
    let empty: Answer = |_| Some((ResponseCode::NoError, Vec::new()));
    assert_eq!(verified(empty).await, Err(Refusal::DomainRecordMissing));
    for code in [ResponseCode::ServFail, ResponseCode::Refused] {
        let failing: Answer = match code {
            ResponseCode::ServFail => |_| Some((ResponseCode::ServFail, Vec::new())),
            _ => |_| Some((ResponseCode::Refused, Vec::new())),
        };
        assert_eq!(verified(failing).await, Err(Refusal::DomainServerFailed), "{code}");
    }
}

#[tokio::test]
async fn a_silent_server_is_abandoned_after_five_seconds() {
    let started = tokio::time::Instant::now();
    assert_eq!(verified(|_| None).await, Err(Refusal::DomainTimeout));
    assert!(started.elapsed().as_secs() <= 6, "{:?}", started.elapsed());
}
