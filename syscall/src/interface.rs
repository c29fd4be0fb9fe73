//! Typed requests: [`interface!`](crate::interface!) makes both sides of a protocol from its description,
//! and [`Wire`] says how a type stands in a message (as in L4Re's framework).

use alloc::{string::String, vec, vec::Vec};

use crate::{
    Code, Result,
    message::{Reader, Registers, Writer},
};

/// A type that can be an argument or result of an [`interface!`](crate::interface!).
pub trait Wire: Sized {
    /// Appends the value.
    fn write(&self, writer: &mut Writer<impl Registers>);
    /// Reads the value.
    ///
    /// # Errors
    /// `MsgTooShort` when the message ends before it, `Inval` when it is no value of the type.
    fn read(reader: &mut Reader<impl Registers>) -> Result<Self>;
}

macro_rules! scalars {
    ($($type:ty),*) => {$(
        impl Wire for $type {
            #[inline(always)]
            fn write(&self, writer: &mut Writer<impl Registers>) {
                writer.put(*self);
            }
            #[inline(always)]
            fn read(reader: &mut Reader<impl Registers>) -> Result<Self> {
                reader.get()
            }
        }
    )*};
}
scalars!(u8, i8, u16, i16, u32, i32, u64, i64, usize);

impl Wire for bool {
    fn write(&self, writer: &mut Writer<impl Registers>) {
        writer.put(u8::from(*self));
    }

    fn read(reader: &mut Reader<impl Registers>) -> Result<Self> {
        Ok(reader.get::<u8>()? != 0)
    }
}

impl Wire for () {
    fn write(&self, _: &mut Writer<impl Registers>) {}

    fn read(_: &mut Reader<impl Registers>) -> Result<Self> {
        Ok(())
    }
}

impl Wire for Vec<u8> {
    fn write(&self, writer: &mut Writer<impl Registers>) {
        writer.put_bytes(self);
    }

    fn read(reader: &mut Reader<impl Registers>) -> Result<Self> {
        let length = reader.get::<u64>()? as usize;
        if length > abi::utcb::MESSAGE_REGISTERS * 8 {
            return Err(Code::MsgTooShort.into());
        }
        let mut bytes = vec![0; length];
        reader.get_raw(length, &mut bytes)?;
        Ok(bytes)
    }
}

impl Wire for String {
    fn write(&self, writer: &mut Writer<impl Registers>) {
        writer.put_str(self);
    }

    fn read(reader: &mut Reader<impl Registers>) -> Result<Self> {
        let mut bytes = Vec::<u8>::read(reader)?;
        bytes.pop().ok_or(Code::MsgTooShort)?;
        String::from_utf8(bytes).map_err(|_| Code::Inval.into())
    }
}

/// Describes a protocol: a module with its number, and requests with their opcodes, arguments and result,
/// whose types are [`Wire`].
///
/// In the module are `Object`, the marker type for capabilities; `Client`, a trait with one method per
/// request that `Cap<Object>` implements; `Server`, the trait that a server's object implements; and
/// `Served`, which makes such an object a [`server::Object`](crate::server::Object).
///
/// Numbers from 0x6000 on are free for programs.
///
/// ```no_run
/// syscall::interface! {
///     /// Greets.
///     pub mod greeter = 0x6002 {
///         /// A greeting for `name`.
///         0: fn greet(name: String) -> String;
///     }
/// }
///
/// fn use_it() -> syscall::Result {
///     use greeter::Client;
///     let greeter = syscall::env::cap::<greeter::Object>("greeter")?;
///     syscall::println!("{}", greeter.greet("World".into())?);
///     Ok(())
/// }
/// ```
#[macro_export]
macro_rules! interface {
    (
        $(#[$doc:meta])*
        $visibility:vis mod $name:ident = $protocol:literal {
            $(
                $(#[$method_doc:meta])*
                $opcode:literal: fn $method:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;
            )*
        }
    ) => {
        $(#[$doc])*
        $visibility mod $name {
            #[allow(unused_imports)]
            use super::*;
            #[allow(unused_imports)]
            use $crate::interface::__private::*;

            /// Marks capabilities for objects of this protocol.
            pub struct Object;

            impl $crate::Kobject for Object {
                const PROTOCOL: i64 = $protocol;
                const NAME: &'static str = ::core::stringify!($name);
            }

            /// The requests, for callers.
            pub trait Client {
                $(
                    $(#[$method_doc])*
                    #[allow(clippy::too_many_arguments)]
                    fn $method(self, $($argument: $type),*) -> $crate::Result<$crate::interface!(@result $($result)?)>;
                )*
            }

            impl Client for $crate::Cap<Object> {
                $(
                    fn $method(self, $($argument: $type),*) -> $crate::Result<$crate::interface!(@result $($result)?)> {
                        #[allow(unused_mut)]
                        let mut message = $crate::ipc::Message::new($protocol).with::<i32>($opcode);
                        $(message = message.with_wire(&$argument);)*
                        let mut reply = message.call(self.index())?;
                        <$crate::interface!(@result $($result)?) as $crate::interface::Wire>::read(&mut reply)
                    }
                )*
            }

            /// The requests, for those who serve them.
            pub trait Server {
                $(
                    $(#[$method_doc])*
                    #[allow(clippy::too_many_arguments)]
                    fn $method(&mut self, $($argument: $type),*) -> $crate::Result<$crate::interface!(@result $($result)?)>;
                )*
            }

            /// Lets a [`Server`] be served.
            pub struct Served<S>(pub S);

            impl<S: Server> $crate::server::Object for Served<S> {
                fn handle(&mut self, call: &mut $crate::server::Call<'_>) -> $crate::Result<i64> {
                    // Requests of this protocol are handled in place; what comes here is of another, or brings capabilities.
                    let own = call.protocol() == $protocol;
                    Err(if own { $crate::Code::Inval } else { $crate::Code::BadProto }.into())
                }

                fn handle_in_place(
                    &mut self,
                    registers: $crate::arch::UtcbRef,
                    tag: $crate::abi::Tag,
                ) -> Option<$crate::abi::Tag> {
                    if tag.label() != $protocol {
                        return None;
                    }
                    let mut request = $crate::message::Reader::new(registers, tag);
                    let answer: $crate::Result<$crate::abi::Tag> = (|| match request.get::<i32>()? {
                        $(
                            $opcode => {
                                $(let $argument = <$type as $crate::interface::Wire>::read(&mut request)?;)*
                                let result = self.0.$method($($argument),*)?;
                                let mut answer = $crate::message::Writer::new(registers);
                                $crate::interface::Wire::write(&result, &mut answer);
                                answer.tag(0, 0)
                            }
                        )*
                        _ => Err($crate::Code::NoSys.into()),
                    })();
                    Some(answer.unwrap_or_else($crate::server::error_tag))
                }

                fn supports(&self, protocol: i64) -> bool {
                    protocol == $protocol
                }
            }
        }
    };
    (@result) => { () };
    (@result $result:ty) => { $result };
}

/// Names that descriptions of interfaces may use without importing them.
#[doc(hidden)]
pub mod __private {
    pub use alloc::{string::String, vec::Vec};
}
