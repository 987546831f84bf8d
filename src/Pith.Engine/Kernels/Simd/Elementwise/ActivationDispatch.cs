namespace Pith.Kernels.Simd;

/// <summary>Code that is compiled for an activation.</summary>
internal interface IActivationBody
{
    /// <summary>Runs the code with the activation <typeparamref name="TActivation"/>.</summary>
    void Run<TActivation>() where TActivation : struct, IActivation;
}

/// <summary>From an <see cref="ActivationKind"/> to the code compiled for it.</summary>
internal static class ActivationDispatch
{
    /// <summary>Runs <paramref name="body"/> with the activation of the given kind.</summary>
    public static void Run<TBody>(ActivationKind kind, TBody body) where TBody : struct, IActivationBody
    {
        switch (kind)
        {
            case ActivationKind.None: body.Run<NoActivation>(); break;
            case ActivationKind.Relu: body.Run<ReluActivation>(); break;
            case ActivationKind.Clip: body.Run<ClipActivation>(); break;
            case ActivationKind.LeakyRelu: body.Run<LeakyReluActivation>(); break;
            case ActivationKind.Elu: body.Run<EluActivation>(); break;
            case ActivationKind.Sigmoid: body.Run<SigmoidActivation>(); break;
            case ActivationKind.HardSigmoid: body.Run<HardSigmoidActivation>(); break;
            case ActivationKind.Tanh: body.Run<TanhActivation>(); break;
            case ActivationKind.Silu: body.Run<SiluActivation>(); break;
            case ActivationKind.HardSwish: body.Run<HardSwishActivation>(); break;
            case ActivationKind.Gelu: body.Run<GeluActivation>(); break;
            case ActivationKind.GeluTanh: body.Run<GeluTanhActivation>(); break;
            default: throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not an activation.");
        }
    }
}
