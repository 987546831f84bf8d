using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Finished sums and what to make of them: <c>Out = activation(Sums + Bias + Residual)</c>, in this order.</summary>
internal unsafe struct EpilogueArgs
{
    /// <summary>Sums, in rows of whole vectors.</summary>
    public float* Sums;

    /// <summary>One for each channel, or null.</summary>
    public float* Bias;

    /// <summary>One for each sum, or null.</summary>
    public float* Residual;

    /// <summary>Where the first row goes.</summary>
    public float* Out;

    /// <summary>Floats between rows of sums.</summary>
    public nint SumStride;

    /// <summary>Floats between rows of the residual.</summary>
    public nint ResidualStride;

    /// <summary>Floats between output rows.</summary>
    public nint OutStride;

    /// <summary>Number of rows.</summary>
    public int Rows;

    /// <summary>Valid floats of a row; nothing beyond them is read or written outside the sums.</summary>
    public int Channels;

    /// <summary>First constant of the activation.</summary>
    public float A;

    /// <summary>Second constant of the activation.</summary>
    public float B;
}

/// <summary>Applies bias, residual and activation to a tile of sums that still lies in the L1 cache.</summary>
internal static unsafe class TileEpilogue<V> where V : struct, IVec<V>
{
    /// <summary>Writes one tile.</summary>
    public static void Run(ActivationKind activation, EpilogueArgs* args) => ActivationDispatch.Run(activation, new Body(args));

    private readonly struct Body(EpilogueArgs* args) : IActivationBody
    {
        private readonly EpilogueArgs* _args = args;

        public void Run<TActivation>() where TActivation : struct, IActivation => TileEpilogue<V>.Run<TActivation>(_args);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TActivation>(EpilogueArgs* args) where TActivation : struct, IActivation
    {
        for (var first = 0; first < args->Channels; first += V.Count)
        {
            var valid = args->Channels - first;
            if (valid >= V.Count) WholeVectors<TActivation>(args, first);
            else PartialVectors<TActivation>(args, first, valid);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WholeVectors<TActivation>(EpilogueArgs* args, int first) where TActivation : struct, IActivation
    {
        V a = V.Broadcast(args->A), b = V.Broadcast(args->B);
        V bias = args->Bias == null ? V.Zero : V.Load(args->Bias + first);
        float* sums = args->Sums + first, to = args->Out + first;
        nint sumStride = args->SumStride, toStride = args->OutStride, residualStride = args->ResidualStride;
        if (args->Residual == null)
        {
            for (var row = args->Rows; row > 0; row--, sums += sumStride, to += toStride)
            {
                V.Store(to, TActivation.Apply(V.Load(sums) + bias, a, b));
            }
            return;
        }
        float* residual = args->Residual + first;
        for (var row = args->Rows; row > 0; row--, sums += sumStride, to += toStride, residual += residualStride)
        {
            V.Store(to, TActivation.Apply(V.Load(sums) + bias + V.Load(residual), a, b));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PartialVectors<TActivation>(EpilogueArgs* args, int first, int valid) where TActivation : struct, IActivation
    {
        V a = V.Broadcast(args->A), b = V.Broadcast(args->B);
        V bias = args->Bias == null ? V.Zero : V.LoadPartial(args->Bias + first, valid);
        for (var row = 0; row < args->Rows; row++)
        {
            V x = V.Load(args->Sums + row * args->SumStride + first) + bias;
            if (args->Residual != null) x += V.LoadPartial(args->Residual + row * args->ResidualStride + first, valid);
            V.StorePartial(args->Out + row * args->OutStride + first, valid, TActivation.Apply(x, a, b));
        }
    }
}
