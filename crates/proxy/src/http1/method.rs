//! Request methods: Envoy's table. A method outside it is refused before anything is decided.

/// Writes the enum, its names and the look-up from one table.
macro_rules! methods {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// A method that Envoy's HTTP/1 parser knows. Names are case-sensitive (RFC 9110 section
        /// 9.1).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // each variant is its name
        pub enum Method {
            $($variant,)+
        }

        impl Method {
            /// Every method, the common ones first.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The method of a name; `None` when Envoy does not know it either.
            #[must_use]
            pub fn of(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The name, as sent.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

methods! {
    Get = "GET",
    Post = "POST",
    Head = "HEAD",
    Put = "PUT",
    Delete = "DELETE",
    Options = "OPTIONS",
    Patch = "PATCH",
    Connect = "CONNECT",
    Trace = "TRACE",
    Acl = "ACL",
    Bind = "BIND",
    Checkout = "CHECKOUT",
    Copy = "COPY",
    Link = "LINK",
    Lock = "LOCK",
    Merge = "MERGE",
    Mkactivity = "MKACTIVITY",
    Mkcalendar = "MKCALENDAR",
    Mkcol = "MKCOL",
    Move = "MOVE",
    Msearch = "MSEARCH",
    Notify = "NOTIFY",
    Propfind = "PROPFIND",
    Proppatch = "PROPPATCH",
    Purge = "PURGE",
    Rebind = "REBIND",
    Report = "REPORT",
    Search = "SEARCH",
    Source = "SOURCE",
    Subscribe = "SUBSCRIBE",
    Unbind = "UNBIND",
    Unlink = "UNLINK",
    Unlock = "UNLOCK",
    Unsubscribe = "UNSUBSCRIBE",
}

impl Method {
    /// True where sending the request twice has the effect of sending it once (RFC 9110 section
    /// 9.2.2).
    #[must_use]
    pub fn is_idempotent(self) -> bool {
        matches!(
            self,
            Self::Get | Self::Head | Self::Options | Self::Trace | Self::Put | Self::Delete
        )
    }
}
