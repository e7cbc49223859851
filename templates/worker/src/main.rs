//! An SFU worker, built with sfukit.
{%- if own_plugin %}
mod my_plugin;
{% endif %}
use std::process::ExitCode;

sfu_core::worker! {
    /// What this worker is made of. Order is the order in which packets meet plugins.
    pub plugins = [
{%- for plugin in plugins %}
        #[cfg(feature = "{{plugin}}")]
        sfu_{{plugin | snake_case}}::{{plugin | upper_camel_case}},
{%- endfor %}
{%- if own_plugin %}
        my_plugin::MyPlugin,
{%- endif %}
    ];
    pub signaling = [
{%- for door in signaling %}
        #[cfg(feature = "{{door}}")]
        sfu_{{door | snake_case}}::{{door | upper_camel_case}},
{%- endfor %}
    ];
}

fn main() -> ExitCode {
    sfu_core::run::<Worker>()
}
