"""The names that the tables have, so that few programs load them. tests/names/stubs.py writes this file."""

__all__ = ["FUNCTIONS", "METHODS"]

METHODS = set(
    """
abs_ absolute absolute_ acos_ acosh acosh_ add addbmm addbmm_ addcdiv addcdiv_ addcmul addcmul_ addmm addmm_ addmv
addmv_ addr addr_ adjoint allclose aminmax arccos arccos_ arccosh arccosh_ arcsin arcsin_ arcsinh arcsinh_ arctan
arctan2 arctan2_ arctan_ arctanh arctanh_ argsort argwhere asin_ asinh asinh_ atan2 atan2_ atan_ atanh atanh_ baddbmm
baddbmm_ bernoulli bernoulli_ bincount bitwise_and bitwise_and_ bitwise_left_shift bitwise_left_shift_ bitwise_not
bitwise_not_ bitwise_or bitwise_or_ bitwise_right_shift bitwise_right_shift_ bitwise_xor bitwise_xor_ bmm cauchy_ ceil
ceil_ cholesky cholesky_inverse cholesky_solve chunk clamp_max clamp_max_ clamp_min clamp_min_ clip clip_ conj
conj_physical contiguous copysign copysign_ corrcoef cos_ cosh_ count_nonzero cov cross cummax cummin cumprod cumprod_
cumsum_ deg2rad deg2rad_ det diag diag_embed diagflat diagonal_scatter diff digamma digamma_ dist div divide divide_ dot
dsplit element_size eq eq_ equal erf_ erfc erfc_ erfinv erfinv_ exp2_ exp_ expand_as expm1_ exponential_ fill_diagonal_
fix fix_ fliplr flipud float_power float_power_ floor_ floor_divide floor_divide_ fmax fmin fmod fmod_ frac frac_ frexp
gather gcd gcd_ ge ge_ geometric_ ger greater greater_ greater_equal greater_equal_ gt gt_ hardshrink heaviside
heaviside_ histc histogram hsplit hypot hypot_ i0 i0_ igamma igamma_ igammac igammac_ index_add index_add_ index_copy
index_copy_ index_fill index_fill_ index_put index_put_ index_reduce index_reduce_ index_select inner inverse is_complex
is_conj is_contiguous is_neg is_nonzero is_same_size is_signed isclose isfinite isinf isnan isneginf isposinf isreal
kron kthvalue lcm lcm_ ldexp ldexp_ le le_ lerp lerp_ less less_ less_equal less_equal_ lgamma lgamma_ log10_ log1p_
log2_ log_ log_normal_ logaddexp2 logcumsumexp logdet logical_and logical_and_ logical_not logical_not_ logical_or
logical_or_ logical_xor logical_xor_ logit logit_ lt lt_ lu masked_fill_ masked_scatter masked_scatter_ masked_select
matrix_exp matrix_power median mode moveaxis movedim msort mul multinomial multiply multiply_ mv mvlgamma mvlgamma_
nan_to_num nan_to_num_ nanmean nanmedian nanquantile nansum narrow narrow_copy ndimension ne ne_ neg neg_ negative
negative_ new new_empty new_full new_ones new_tensor new_zeros nextafter nextafter_ nonzero nonzero_static not_equal
not_equal_ pinverse polygamma polygamma_ positive pow_ prelu put put_ qr quantile rad2deg rad2deg_ random_ ravel
reciprocal_ relu_ remainder remainder_ renorm renorm_ repeat_interleave reshape_as resolve_conj resolve_neg rot90 round
round_ rsqrt rsqrt_ scatter scatter_ scatter_add scatter_add_ scatter_reduce scatter_reduce_ select select_scatter sgn
sgn_ sigmoid_ sign_ signbit sin_ sinc sinc_ sinh_ slice_scatter slogdet sort split split_with_sizes sqrt_ square_ stride
sub subtract subtract_ sum_to_size svd swapaxes swapdims take take_along_dim tan_ tanh_ tensor_split tile topk trace
triangular_solve tril_ triu_ true_divide true_divide_ trunc trunc_ unbind unflatten unfold unique unique_consecutive
vdot view_as vsplit where xlogy xlogy_
""".split()
)

FUNCTIONS = set(
    """
abs abs_ absolute acos acos_ acosh acosh_ add addbmm addcdiv addcmul addmm addmv addmv_ addr adjoint all allclose amax
amin aminmax any arccos arccos_ arccosh arccosh_ arcsin arcsin_ arcsinh arcsinh_ arctan arctan2 arctan_ arctanh arctanh_
are_deterministic_algorithms_enabled argmax argmin argsort argwhere asarray asin asin_ asinh asinh_ atan atan2 atan_
atanh atanh_ atleast_1d atleast_2d atleast_3d baddbmm bernoulli bincount binomial bitwise_and bitwise_left_shift
bitwise_not bitwise_or bitwise_right_shift bitwise_xor block_diag bmm broadcast_shapes broadcast_tensors broadcast_to
bucketize can_cast cartesian_prod cdist ceil ceil_ celu celu_ chain_matmul cholesky cholesky_inverse cholesky_solve
chunk clamp clamp_ clamp_max clamp_max_ clamp_min clamp_min_ clip clip_ clone column_stack combinations concat
concatenate conj conj_physical copysign corrcoef cos cos_ cosh cosh_ cosine_similarity count_nonzero cov cross cummax
cummin cumprod cumsum cumulative_trapezoid deg2rad deg2rad_ det detach diag diag_embed diagflat diagonal
diagonal_scatter diff digamma dist div divide dot dsplit dstack empty empty_like eq equal erf erf_ erfc erfc_ erfinv exp
exp2 exp2_ exp_ expm1 expm1_ fill fill_ fix fix_ flatten flip fliplr flipud float_power floor floor_ floor_divide fmax
fmin fmod frac frac_ frexp frombuffer full_like gather gcd gcd_ ge ger get_float32_matmul_precision
get_num_interop_threads get_num_threads gradient greater greater_equal gt hardshrink heaviside histc histogram hsplit
hstack hypot i0 i0_ igamma igammac index_add index_copy index_fill index_put index_put_ index_reduce index_select inner
inverse is_complex is_conj is_floating_point is_neg is_nonzero is_same_size is_signed isclose isfinite isin isinf isnan
isneginf isposinf isreal kron kthvalue lcm lcm_ ldexp ldexp_ le lerp less less_equal lgamma log log10 log10_ log1p
log1p_ log2 log2_ log_ log_softmax logaddexp logaddexp2 logcumsumexp logdet logical_and logical_not logical_or
logical_xor logit logit_ logspace logsumexp lt lu lu_unpack masked_fill masked_scatter masked_select matmul matrix_exp
matrix_power max mean median meshgrid min mm mode moveaxis movedim msort mul multinomial multiply mv mvlgamma nan_to_num
nan_to_num_ nanmean nanmedian nanquantile nansum narrow narrow_copy ne neg neg_ negative negative_ nextafter nonzero
nonzero_static norm normal not_equal numel outer pairwise_distance pdist permute pinverse poisson polygamma positive pow
prelu prod promote_types put qr quantile rad2deg rad2deg_ rand_like randint_like randn_like ravel real reciprocal
reciprocal_ relu relu_ remainder renorm repeat_interleave reshape resolve_conj resolve_neg result_type roll rot90 round
round_ row_stack rrelu rrelu_ rsqrt rsqrt_ rsub scalar_tensor scatter scatter_add scatter_reduce searchsorted select
select_scatter selu selu_ set_float32_matmul_precision set_num_interop_threads set_num_threads set_printoptions sgn
sigmoid sigmoid_ sign signbit sin sin_ sinc sinc_ sinh sinh_ slice_scatter slogdet softmax sort split split_with_sizes
sqrt sqrt_ square square_ squeeze std std_mean sub subtract sum svd swapaxes swapdims t take take_along_dim tan tan_
tanh tanh_ tensor_split tensordot threshold threshold_ tile topk trace transpose trapezoid trapz triangular_solve tril
tril_indices triu triu_indices true_divide trunc trunc_ unbind unflatten unique unique_consecutive unravel_index
unsqueeze use_deterministic_algorithms vander var var_mean vdot vsplit vstack xlogy xlogy_ zero_
""".split()
)
