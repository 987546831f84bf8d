using Pith.Kernels.Simd;

namespace Pith.Kernels.Reference;

/// <summary>Convolution as plain loops over the definition, summed in double precision. Weights are [K, C / Groups, R, S].</summary>
internal static unsafe class ConvFp32Reference
{
    /// <summary>Y = activation(conv(X, W) + Bias + Residual), for every group count including depthwise.</summary>
    public static void Forward(ConvFp32Args* args, float* weights)
    {
        var y = args->Y;
        for (var n = 0; n < y.Images; n++)
            for (var h = 0; h < y.Height; h++)
                for (var w = 0; w < y.Width; w++)
                    for (var k = 0; k < y.Channels; k++)
                    {
                        var sum = Sum(args, weights, n, h, w, k);
                        if (args->Bias != null) sum += args->Bias[k];
                        if (args->Residual.Data != null) sum += args->Residual.At(n, h, w)[k];
                        y.At(n, h, w)[k] = (float)ActivationReference.Apply(args->Activation, sum);
                    }
    }

    private static double Sum(ConvFp32Args* args, float* weights, int n, int h, int w, int k)
    {
        var g = args->Geometry;
        var x = args->X;
        int channels = x.Channels / g.Groups, firstChannel = k / (args->Y.Channels / g.Groups) * channels;
        double sum = 0;
        for (var r = 0; r < g.KernelH; r++)
            for (var s = 0; s < g.KernelW; s++)
            {
                int row = h * g.StrideH - g.PadTop + r * g.DilationH, column = w * g.StrideW - g.PadLeft + s * g.DilationW;
                if (row < 0 || row >= x.Height || column < 0 || column >= x.Width) continue;
                for (var c = 0; c < channels; c++)
                {
                    sum += (double)x.At(n, row, column)[firstChannel + c] * weights[((k * channels + c) * g.KernelH + r) * g.KernelW + s];
                }
            }
        return sum;
    }
}
