//! Argon2 (RFC 9106) in two implementations: a fast one, and the reference for checking it.
//!
//! The `argon2` crate parses hashes, checks parameters and is the reference. `argon2-rust` takes less than half the time, with
//! the processor's widest instructions, but is not audited. It is therefore used only if it passes a self-test on this
//! processor; tests compare both over random input.

use super::{COST, EngineChoice};
use crate::Fault;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use argon2_rust::params::{Memory, TagLen};
use zeroize::Zeroize;

/// An engine with its own memory, which hashes reuse because fresh pages cost a third of a hash.
pub(super) enum Engine {
    /// `argon2-rust`, which wipes its memory itself.
    Fast(Box<argon2_rust::Hasher>),
    /// `argon2`.
    Reference(Vec<Block>),
}

impl Engine {
    /// Returns the configured engine, or the reference if the fast one fails its self-test.
    pub(super) fn new(choice: EngineChoice) -> Self {
        match choice {
            EngineChoice::Auto => Self::fast_if_right(&KNOWN),
            EngineChoice::Reference => Self::Reference(Vec::new()),
        }
    }

    fn fast_if_right(known: &[Known]) -> Self {
        let mut fast = Self::fast();
        let right = fast.gives(known);
        // Frees the self-test's memory, because the next sign-in may be hours away.
        fast.give_memory_back();
        if right {
            return fast;
        }
        tracing::error!(
            "the fast password hashing gives wrong results on this processor; the reference implementation is used instead"
        );
        Self::Reference(Vec::new())
    }

    fn fast() -> Self {
        use argon2_rust::{Algorithm, Argon2, Params, Version};
        // Only a default: each hash has its own parameters.
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT).hasher();
        Self::Fast(Box::new(hasher))
    }

    /// Hashes the input into `out`. The reference has already validated the parameters.
    pub(super) fn run(&mut self, hasher: &Hasher, input: &[u8], salt: &[u8], out: &mut [u8]) -> Result<(), Fault> {
        // Associated data, an old part of PHC strings, is supported only by the reference.
        if hasher.params.data().is_empty() {
            self.work(hasher, input, salt, out)
        } else {
            Self::Reference(Vec::new()).work(hasher, input, salt, out)
        }
    }

    fn work(&mut self, hasher: &Hasher, input: &[u8], salt: &[u8], out: &mut [u8]) -> Result<(), Fault> {
        let done = match self {
            Self::Fast(fast) => {
                fast.set_argon2(hasher.fast(out.len())?);
                fast.hash_into(input, salt, out).map_err(fault)
            }
            Self::Reference(arena) => {
                let blocks = hasher.params.block_count();
                if arena.len() < blocks {
                    arena.resize(blocks, Block::default());
                }
                let done = Argon2::new(hasher.algorithm, hasher.version, hasher.params.clone())
                    .hash_password_into_with_memory(input, salt, out, &mut arena[..blocks])
                    .map_err(fault);
                // Attack: a later bug leaks memory, which is as sensitive as the password.
                arena[..blocks].iter_mut().for_each(Zeroize::zeroize);
                done
            }
        };
        // A foreign hash may have needed more memory than native hashes do.
        if self.blocks() > COST.0 as usize {
            self.give_memory_back();
        }
        done
    }

    /// Returns the retained memory, in blocks of 1 KiB.
    pub(super) fn blocks(&self) -> usize {
        match self {
            Self::Fast(fast) => fast.reserved_blocks(),
            Self::Reference(arena) => arena.len(),
        }
    }

    fn give_memory_back(&mut self) {
        match self {
            Self::Fast(fast) => fast.clear(),
            Self::Reference(arena) => *arena = Vec::new(),
        }
    }

    /// Whether the engine gives the known results. Takes as long as one hash.
    fn gives(&mut self, known: &[Known]) -> bool {
        known.iter().all(|known| {
            let Ok(hasher) = Hasher::of(known.algorithm, Version::V0x13, known.cost) else {
                return false;
            };
            let mut out = vec![0; known.output.len() / 2];
            let done = self.run(&hasher, &[7; 64], &[9; 16], &mut out);
            done.is_ok() && hex::encode(out) == known.output
        })
    }
}

/// The algorithm and its parameters.
pub(super) struct Hasher {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) params: Params,
}

impl Hasher {
    /// Combines the algorithm with memory in KiB, passes and lanes.
    pub(super) fn of(algorithm: Algorithm, version: Version, (m, t, p): (u32, u32, u32)) -> Result<Self, Fault> {
        Ok(Self {
            algorithm,
            version,
            params: Params::new(m, t, p, None).map_err(fault)?,
        })
    }

    fn fast(&self, length: usize) -> Result<argon2_rust::Argon2, Fault> {
        let params = argon2_rust::Params::builder()
            .memory(Memory::kib(self.params.m_cost().into()))
            .passes(self.params.t_cost())
            .lanes(self.params.p_cost())
            // Each hash uses one core, regardless of lanes.
            .threads(1)
            .tag_len(TagLen::bytes(u64::try_from(length).map_err(fault)?))
            .build()
            .map_err(fault)?;
        let algorithm = match self.algorithm {
            Algorithm::Argon2d => argon2_rust::Algorithm::Argon2d,
            Algorithm::Argon2i => argon2_rust::Algorithm::Argon2i,
            Algorithm::Argon2id => argon2_rust::Algorithm::Argon2id,
        };
        let version = match self.version {
            Version::V0x10 => argon2_rust::Version::V0x10,
            Version::V0x13 => argon2_rust::Version::V0x13,
        };
        Ok(argon2_rust::Argon2::new(algorithm, version, params))
    }
}

/// The reference's hexadecimal result for a password of 64 bytes with value 7 and a salt of 16 bytes with value 9.
struct Known {
    algorithm: Algorithm,
    cost: (u32, u32, u32),
    output: &'static str,
}

/// Results at the native cost, and with other lanes, passes and lengths.
const KNOWN: [Known; 4] = [
    Known {
        algorithm: Algorithm::Argon2id,
        cost: COST,
        output: "5d4d1dd6ca6f2843ee41ec539794c4a800261855d837969b90ca0acb437b3763",
    },
    Known {
        algorithm: Algorithm::Argon2id,
        cost: (64, 3, 4),
        output: "9d0b931d1e27a38fea53df0bdee99c5e4bcefdf5e7d2b5d4a335590cd043ac8e",
    },
    Known {
        algorithm: Algorithm::Argon2i,
        cost: (32, 3, 1),
        output: "a4adf8856af620c55deb4d0b0be526e2d4c50d2f1e4a7d8b6b1379753e3a681267f3f92d27e2157c973f6d6a54eb31bb7800f5401f8d26aa438e6d6a3a6198cb",
    },
    Known {
        algorithm: Algorithm::Argon2d,
        cost: (24, 1, 3),
        output: "91a8bee3c8c4126019c67e340e92059b",
    },
];

fn fault(error: impl std::fmt::Display) -> Fault {
    Fault::Hashing(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::ParamsBuilder;
    use proptest::prelude::*;

    fn fast() -> Engine {
        let fast = Engine::new(EngineChoice::Auto);
        assert!(
            matches!(fast, Engine::Fast(_)),
            "the fast engine fails on this processor"
        );
        fast
    }

    fn outputs(engines: [&mut Engine; 2], hasher: &Hasher, input: &[u8], salt: &[u8], length: usize) -> [Vec<u8>; 2] {
        engines.map(|engine| {
            let mut out = vec![0; length];
            engine.run(hasher, input, salt, &mut out).unwrap();
            out
        })
    }

    #[test]
    fn both_engines_give_the_known_hash() {
        for mut engine in [Engine::Reference(Vec::new()), fast()] {
            assert!(engine.gives(&KNOWN));
        }
    }

    #[test]
    fn an_engine_that_fails_its_self_test_is_replaced_by_the_reference() {
        let another = Known {
            algorithm: Algorithm::Argon2d,
            cost: (24, 1, 3),
            output: "91a8bee3c8c4126019c67e340e92059c",
        };

        let engine = Engine::fast_if_right(&[another]);

        assert!(matches!(engine, Engine::Reference(_)));
    }

    /// RFC 9106, section 5, with a secret and associated data. The service uses neither.
    #[test]
    fn both_engines_match_the_test_vectors_of_the_rfc() {
        let of_the_rfc = [
            (
                Algorithm::Argon2d,
                "512b391b6f1162975371d30919734294f868e3be3984f3c1a13a4db9fabe4acb",
            ),
            (
                Algorithm::Argon2i,
                "c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8",
            ),
            (
                Algorithm::Argon2id,
                "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659",
            ),
        ];
        let (password, salt, secret, data) = ([1; 32], [2; 16], [3; 8], [4; 12]);
        for (algorithm, expected) in of_the_rfc {
            let params = ParamsBuilder::new()
                .m_cost(32)
                .t_cost(3)
                .p_cost(4)
                .data(argon2::AssociatedData::new(&data).unwrap())
                .build()
                .unwrap();
            let mut out = [0; 32];
            Argon2::new_with_secret(&secret, algorithm, Version::V0x13, params)
                .unwrap()
                .hash_password_into(&password, &salt, &mut out)
                .unwrap();
            assert_eq!(hex::encode(out), expected);
            let fast = Hasher::of(algorithm, Version::V0x13, (32, 3, 4))
                .unwrap()
                .fast(32)
                .unwrap();
            fast.hash_into_with_ad(&password, &salt, &secret, &data, &mut out)
                .unwrap();
            assert_eq!(hex::encode(out), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]
        #[test]
        fn the_fast_engine_matches_the_reference(
            algorithm in prop::sample::select(vec![Algorithm::Argon2d, Algorithm::Argon2i, Algorithm::Argon2id]),
            version in prop::sample::select(vec![Version::V0x10, Version::V0x13]),
            (lanes, memory) in (1_u32..6).prop_flat_map(|lanes| (Just(lanes), 8 * lanes..512)),
            passes in 1_u32..4,
            input in prop::collection::vec(any::<u8>(), 0..200),
            salt in prop::collection::vec(any::<u8>(), 8..64),
            length in 4_usize..100,
        ) {
            let hasher = Hasher::of(algorithm, version, (memory, passes, lanes)).unwrap();
            let [fast, reference] = outputs([&mut Engine::fast(), &mut Engine::Reference(Vec::new())], &hasher, &input, &salt, length);
            prop_assert_eq!(fast, reference);
        }
    }

    /// Attack: a dependency update adds unreviewed `unsafe` code.
    #[test]
    fn only_the_reviewed_version_of_the_fast_engine_is_used() {
        const VERSION: &str = "1.1.0";
        const CHECKSUM: &str = "9116a9e4fd543b4e7ae219c3d7f1259b59615105c0c27b3d75939a8b8cf8af86";
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for lock in ["Cargo.lock", "server/fuzz/Cargo.lock"] {
            let text = std::fs::read_to_string(root.join(lock)).unwrap();
            let locked: Vec<&str> = text
                .split("[[package]]")
                .filter(|package| package.contains("name = \"argon2-rust\"\n"))
                .collect();
            let reviewed = |package: &&str| {
                package.contains(&format!("version = \"{VERSION}\"\n"))
                    && package.contains(&format!("checksum = \"{CHECKSUM}\"\n"))
            };
            assert!(
                locked.len() == 1 && locked.iter().all(reviewed),
                "{lock} holds another argon2-rust than {VERSION}, the reviewed one. Repeat the review: read every `unsafe` block, fuzz \
                 with a sanitizer for an hour, write both into docs/decisions/001-argon2-rust.md, then change this test. Locked: {locked:?}"
            );
        }
    }

    #[test]
    fn memory_is_reused_wiped_and_bounded() {
        for mut engine in [Engine::Reference(Vec::new()), fast()] {
            let ours = Hasher::of(Algorithm::Argon2id, Version::V0x13, COST).unwrap();
            let mut out = [0; 32];
            engine.run(&ours, b"three random words", &[9; 16], &mut out).unwrap();
            let again = out;
            let larger = Hasher::of(Algorithm::Argon2id, Version::V0x13, (64 * 1024, 1, 1)).unwrap();
            engine.run(&larger, b"three random words", &[9; 16], &mut out).unwrap();
            assert_eq!(engine.blocks(), 0, "memory beyond the native cost is freed");
            engine.run(&ours, b"three random words", &[9; 16], &mut out).unwrap();
            assert_eq!(out, again, "earlier contents of the memory have no effect");
            assert_eq!(engine.blocks(), COST.0 as usize);
            if let Engine::Reference(arena) = &engine {
                let words = arena.iter().flat_map(|block| block.as_ref());
                assert!(words.copied().all(|word| word == 0_u64), "it is wiped");
            }
        }
    }
}
