//! Mathematics for Lua: the crate `libm`, function by function.

/// Exports functions of `libm` under the shim's linker names.
macro_rules! export {
    ($($name:literal = $function:ident($($argument:ident: $kind:ty),*);)*) => {$(
        #[unsafe(export_name = $name)]
        extern "C" fn $function($($argument: $kind),*) -> f64 {
            libm::$function($($argument),*)
        }
    )*};
}

export! {
    "furore_lua_acos" = acos(x: f64);
    "furore_lua_asin" = asin(x: f64);
    "furore_lua_atan2" = atan2(y: f64, x: f64);
    "furore_lua_ceil" = ceil(x: f64);
    "furore_lua_cos" = cos(x: f64);
    "furore_lua_exp" = exp(x: f64);
    "furore_lua_fabs" = fabs(x: f64);
    "furore_lua_floor" = floor(x: f64);
    "furore_lua_fmod" = fmod(x: f64, y: f64);
    "furore_lua_ldexp" = ldexp(x: f64, exponent: i32);
    "furore_lua_log" = log(x: f64);
    "furore_lua_log10" = log10(x: f64);
    "furore_lua_log2" = log2(x: f64);
    "furore_lua_pow" = pow(x: f64, y: f64);
    "furore_lua_sin" = sin(x: f64);
    "furore_lua_sqrt" = sqrt(x: f64);
    "furore_lua_tan" = tan(x: f64);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_frexp(x: f64, exponent: *mut i32) -> f64 {
    let (fraction, power) = libm::frexp(x);
    // SAFETY: Lua passes the address of an int of its own.
    unsafe { *exponent = power };
    fraction
}
