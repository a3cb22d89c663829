//! Parses the server's JSON with the browser's own parser, because serde_json would add code for all number types and error
//! messages to the WASM.

#[cfg(target_arch = "wasm32")]
pub use in_browser::read;
#[cfg(not(target_arch = "wasm32"))]
pub use on_server::read;

#[cfg(not(target_arch = "wasm32"))]
mod on_server {
    /// Parses JSON; `None` if it does not match the type.
    pub fn read<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(target_arch = "wasm32")]
mod in_browser {
    use js_sys::{Array, JSON, Object, Reflect};
    use serde::de::value::U32Deserializer;
    use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, SeqAccess};
    use serde::de::{VariantAccess, Visitor};
    use serde::forward_to_deserialize_any;
    use std::fmt::{Display, Formatter};
    use wasm_bindgen::JsValue;

    /// Parses JSON; `None` if it does not match the type.
    pub fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
        T::deserialize(Value(JSON::parse(text).ok()?)).ok()
    }

    /// A mismatch between JSON and type. Has no message, so that the WASM does not contain serde's texts.
    #[derive(Debug)]
    struct Unfit;

    impl Display for Unfit {
        fn fmt(&self, _: &mut Formatter<'_>) -> std::fmt::Result {
            Ok(())
        }
    }

    impl std::error::Error for Unfit {}

    impl Error for Unfit {
        fn custom<T: Display>(_: T) -> Self {
            Self
        }
    }

    /// A value from the browser's parser.
    struct Value(JsValue);

    impl Value {
        /// Returns a JSON number; integers are exact up to 2⁵³.
        fn number(&self) -> Result<f64, Unfit> {
            self.0.as_f64().ok_or(Unfit)
        }

        fn text(&self) -> Result<String, Unfit> {
            self.0.as_string().ok_or(Unfit)
        }

        fn part(&self, name: &str) -> Result<Self, Unfit> {
            Reflect::get(&self.0, &name.into()).map(Self).map_err(|_| Unfit)
        }
    }

    impl<'de> Deserializer<'de> for Value {
        type Error = Unfit;

        fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
            visitor.visit_bool(self.0.as_bool().ok_or(Unfit)?)
        }

        fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
            visitor.visit_i64(self.number()? as i64)
        }

        fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
            visitor.visit_u64(self.number()? as u64)
        }

        fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
            visitor.visit_string(self.text()?)
        }

        fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
            if self.0.is_null() || self.0.is_undefined() {
                visitor.visit_none()
            } else {
                visitor.visit_some(self)
            }
        }

        fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unfit> {
            visitor.visit_newtype_struct(self)
        }

        fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
            visitor.visit_seq(Items(Array::from(&self.0)))
        }

        /// Looks up each field by its name, so that no code is needed to compare names.
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Unfit> {
            visitor.visit_seq(Fields(self, fields))
        }

        /// Reads serde's format: the variant's name, or an object with that name as its only key.
        fn deserialize_enum<V: Visitor<'de>>(
            self,
            _: &'static str,
            variants: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Unfit> {
            let (name, content) = match self.text() {
                Ok(name) => (name, Self(JsValue::NULL)),
                Err(_) => {
                    let name = Object::keys(Object::try_from(&self.0).ok_or(Unfit)?).get(0);
                    let name = Self(name).text()?;
                    let content = self.part(&name)?;
                    (name, content)
                }
            };
            let index = (0..).zip(variants).find(|(_, variant)| **variant == name);
            visitor.visit_enum(Variant(index.ok_or(Unfit)?.0, content))
        }

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unfit> {
            Err(Unfit)
        }

        forward_to_deserialize_any! {
            i8 i16 i32 i128 u8 u16 u32 u128 f32 f64 char str bytes byte_buf unit unit_struct tuple tuple_struct map
            identifier ignored_any
        }
    }

    struct Items(Array);

    impl<'de> SeqAccess<'de> for Items {
        type Error = Unfit;

        fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unfit> {
            if self.0.length() == 0 {
                return Ok(None);
            }
            seed.deserialize(Value(self.0.shift())).map(Some)
        }
    }

    struct Fields(Value, &'static [&'static str]);

    impl<'de> SeqAccess<'de> for Fields {
        type Error = Unfit;

        fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unfit> {
            let Some((name, rest)) = self.1.split_first() else {
                return Ok(None);
            };
            self.1 = rest;
            seed.deserialize(self.0.part(name)?).map(Some)
        }
    }

    /// A variant by its index in the enum.
    struct Variant(u32, Value);

    impl<'de> EnumAccess<'de> for Variant {
        type Error = Unfit;
        type Variant = Value;

        fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Value), Unfit> {
            let index: U32Deserializer<Unfit> = self.0.into_deserializer();
            Ok((seed.deserialize(index)?, self.1))
        }
    }

    impl<'de> VariantAccess<'de> for Value {
        type Error = Unfit;

        fn unit_variant(self) -> Result<(), Unfit> {
            Ok(())
        }

        fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Unfit> {
            seed.deserialize(self)
        }

        fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Unfit> {
            Err(Unfit)
        }

        fn struct_variant<V: Visitor<'de>>(
            self,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Unfit> {
            visitor.visit_seq(Fields(self, fields))
        }
    }
}
