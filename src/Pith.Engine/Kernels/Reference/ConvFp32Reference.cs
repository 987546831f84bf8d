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

    /// <summary>DX = the gradient of the forward pass with respect to X, for the output gradient DY, plus Residual.</summary>
    public static void InputGradient(ConvInputGradFp32Args* args, float* weights)
    {
        var g = args->Geometry;
        FeatureMap dx = args->DX, dy = args->DY;
        var sums = new double[(int)dx.Pixels * dx.Channels];
        ForEachProduct(dx, dy, g, (n, row, column, c, h, w, k, weight) =>
            sums[((n * dx.Height + row) * dx.Width + column) * dx.Channels + c] += (double)dy.At(n, h, w)[k] * weights[weight]);
        for (var n = 0; n < dx.Images; n++)
            for (var h = 0; h < dx.Height; h++)
                for (var w = 0; w < dx.Width; w++)
                    for (var c = 0; c < dx.Channels; c++)
                    {
                        var sum = sums[((n * dx.Height + h) * dx.Width + w) * dx.Channels + c];
                        if (args->Residual.Data != null) sum += args->Residual.At(n, h, w)[c];
                        dx.At(n, h, w)[c] = (float)sum;
                    }
    }

    /// <summary>DW = the gradient of the forward pass with respect to the weights, for the output gradient DY.</summary>
    public static void WeightGradient(ConvWeightGradFp32Args* args)
    {
        var g = args->Geometry;
        FeatureMap x = args->X, dy = args->DY;
        var sums = new double[dy.Channels * (x.Channels / g.Groups) * g.KernelH * g.KernelW];
        ForEachProduct(x, dy, g, (n, row, column, c, h, w, k, weight) => sums[weight] += (double)x.At(n, row, column)[c] * dy.At(n, h, w)[k]);
        for (var i = 0; i < sums.Length; i++) args->DW[i] = (float)sums[i];
    }

    private delegate void Product(int n, int row, int column, int c, int h, int w, int k, int weight);

    /// <summary>Visits every product of the forward pass: input pixel and channel, output pixel and channel, weight.</summary>
    private static void ForEachProduct(FeatureMap x, FeatureMap y, ConvGeometry g, Product visit)
    {
        int channels = x.Channels / g.Groups, outputs = y.Channels / g.Groups;
        for (var n = 0; n < y.Images; n++)
            for (var h = 0; h < y.Height; h++)
                for (var w = 0; w < y.Width; w++)
                    for (var r = 0; r < g.KernelH; r++)
                        for (var s = 0; s < g.KernelW; s++)
                        {
                            int row = h * g.StrideH - g.PadTop + r * g.DilationH, column = w * g.StrideW - g.PadLeft + s * g.DilationW;
                            if (row < 0 || row >= x.Height || column < 0 || column >= x.Width) continue;
                            for (var k = 0; k < y.Channels; k++)
                                for (var c = 0; c < channels; c++)
                                {
                                    var weight = ((k * channels + c) * g.KernelH + r) * g.KernelW + s;
                                    visit(n, row, column, k / outputs * channels + c, h, w, k, weight);
                                }
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
