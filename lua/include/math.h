/* Mathematics: lua/src/shim/math.rs, on the crate libm. */
#pragma once
#define HUGE_VAL __builtin_huge_val()
#define HUGE_VALF __builtin_huge_valf()
double acos(double) FURORE_SHIM(acos);
double asin(double) FURORE_SHIM(asin);
double atan2(double, double) FURORE_SHIM(atan2);
double ceil(double) FURORE_SHIM(ceil);
double cos(double) FURORE_SHIM(cos);
double exp(double) FURORE_SHIM(exp);
double fabs(double) FURORE_SHIM(fabs);
double floor(double) FURORE_SHIM(floor);
double fmod(double, double) FURORE_SHIM(fmod);
double frexp(double, int *) FURORE_SHIM(frexp);
double ldexp(double, int) FURORE_SHIM(ldexp);
double log(double) FURORE_SHIM(log);
double log10(double) FURORE_SHIM(log10);
double log2(double) FURORE_SHIM(log2);
double pow(double, double) FURORE_SHIM(pow);
double sin(double) FURORE_SHIM(sin);
double sqrt(double) FURORE_SHIM(sqrt);
double tan(double) FURORE_SHIM(tan);
