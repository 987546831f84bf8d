namespace Pith.Kernels;

/// <summary>The element-wise functions that kernels apply to a finished sum.</summary>
internal enum ActivationKind
{
    /// <summary>x.</summary>
    None,

    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>min(max(x, A), B): Relu6 is [0, 6].</summary>
    Clip,

    /// <summary>x for x &gt;= 0, else A * x.</summary>
    LeakyRelu,

    /// <summary>x for x &gt;= 0, else A * (exp(x) - 1).</summary>
    Elu,

    /// <summary>1 / (1 + exp(-x)).</summary>
    Sigmoid,

    /// <summary>min(max(A * x + B, 0), 1).</summary>
    HardSigmoid,

    /// <summary>tanh(x).</summary>
    Tanh,

    /// <summary>x * sigmoid(x).</summary>
    Silu,

    /// <summary>x * min(max(x / 6 + 1/2, 0), 1).</summary>
    HardSwish,

    /// <summary>x * (1 + erf(x / sqrt 2)) / 2.</summary>
    Gelu,

    /// <summary>x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2.</summary>
    GeluTanh,
}

/// <summary>An activation with its constants; the default value is the identity.</summary>
internal struct Activation
{
    /// <summary>Which function.</summary>
    public ActivationKind Kind;

    /// <summary>First constant, where the function has one.</summary>
    public float A;

    /// <summary>Second constant, where the function has one.</summary>
    public float B;

    /// <summary>max(x, 0).</summary>
    public static Activation Relu => new() { Kind = ActivationKind.Relu };

    /// <summary>min(max(x, low), high).</summary>
    public static Activation Clip(float low, float high) => new() { Kind = ActivationKind.Clip, A = low, B = high };

    /// <summary>A function with the constants that ONNX gives it by default.</summary>
    public static Activation Default(ActivationKind kind) => kind switch
    {
        ActivationKind.Clip => Clip(0, 6),
        ActivationKind.LeakyRelu => new() { Kind = kind, A = 0.01f },
        ActivationKind.Elu => new() { Kind = kind, A = 1 },
        ActivationKind.HardSigmoid => new() { Kind = kind, A = 0.2f, B = 0.5f },
        _ => new() { Kind = kind },
    };
}
