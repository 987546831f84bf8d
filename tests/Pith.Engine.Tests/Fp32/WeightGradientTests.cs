using Pith.Kernels;
using Pith.Ops;

namespace Pith.EngineTests;

/// <summary>Weight gradients by emitted kernels against the op's definition, at several batches and thread counts.</summary>
public class WeightGradientTests
{
    // Of sums of up to 500 products, relative to the largest gradient; Winograd's is two to three times that of the plain sum.
    private const double SumTolerance = 2e-6, WinogradTolerance = 6e-6;

    // With transforms rounded to bfloat16: several times the root mean square of the errors, which is below 1% of that of the gradients.
    private const double RoundedWinogradTolerance = 0.02;

    [Theory]
    [InlineData(3, 1, 1, 1, 6, 7)]
    [InlineData(3, 2, 1, 1, 70, 80)]
    [InlineData(1, 1, 1, 1, 130, 24)]
    [InlineData(1, 2, 1, 1, 64, 32)]
    [InlineData(1, 1, 1, 1, 400, 330)]
    [InlineData(1, 1, 1, 2, 150, 20)]
    [InlineData(3, 2, 1, 1, 80, 70)]
    [InlineData(3, 1, 1, 1, 48, 40)]
    [InlineData(3, 3, 2, 1, 32, 32)]
    [InlineData(3, 1, 2, 1, 16, 16)]
    [InlineData(3, 2, 1, 2, 12, 10)]
    [InlineData(5, 1, 1, 4, 32, 16)]
    [InlineData(7, 2, 1, 1, 3, 64)]
    public void Direct_sums_agree_with_the_definition(int kernel, int stride, int dilation, int groups, int channels, int outChannels)
    {
        if (Isa.Current.Lack(CpuFeatures.Avx512) is { } missing) Assert.Skip(missing);
        var window = WindowAttributes.Uniform(kernel, stride, dilation * (kernel / 2)) with { Dilations = [dilation, dilation] };
        var graph = Gradient(window, groups, channels, outChannels, 9, 11);
        TacticCheck.Agrees(graph, "fp32-avx512-weight-gradient", SumTolerance);
        if (HasBf16) TacticCheck.Agrees(graph, "bf16-avx512bf16-weight-gradient", SumTolerance, bf16: true, device: TestDevice.At(IsaLevel.Avx512Vnni));
        if (HasBf16 && channels / groups % 16 == 0) TacticCheck.Agrees(graph, "bf16-amxbf16-weight-gradient", SumTolerance, bf16: true, device: TestDevice.At(IsaLevel.Amx));
    }

    // Sizes that tiles of 4x4 cover and do not cover, slices that are not full, images smaller than a tile.
    [Theory]
    [InlineData(16, 16, 8, 8)]
    [InlineData(80, 144, 9, 7)]
    [InlineData(32, 96, 4, 13)]
    [InlineData(64, 64, 3, 2)]
    public void Winograd_sums_agree_with_the_definition(int channels, int outChannels, int height, int width)
    {
        if (Isa.Current.Lack(CpuFeatures.Avx512) is { } missing) Assert.Skip(missing);
        CheckWinograd(Gradient(WindowAttributes.Uniform(3, 1, 1), 1, channels, outChannels, height, width));
    }

    [Fact]
    public void Winograd_sums_agree_without_padding()
    {
        if (Isa.Current.Lack(CpuFeatures.Avx512) is { } missing) Assert.Skip(missing);
        CheckWinograd(Gradient(WindowAttributes.Uniform(3, 1, 0), 1, 32, 16, 11, 10));
    }

    // Rows that fill blocks and pairs or do not, columns on either side of panels; rows that are some for each image of the batch, as tokens are.
    [Theory]
    [InlineData(1, 7, 19)]
    [InlineData(1, 64, 10)]
    [InlineData(33, 96, 70)]
    [InlineData(65, 24, 130)]
    [InlineData(200, 330, 288)]
    public void Products_of_a_transposed_matrix_agree_with_the_definition(int rows, int channels, int outChannels)
    {
        if (Isa.Current.Lack(CpuFeatures.Avx512) is { } missing) Assert.Skip(missing);
        var graph = new Graph("matrix gradient");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), rows, channels));
        var dy = graph.AddInput("dy", TensorType.Float32(Dim.Named("N"), rows, outChannels));
        Value Rows(Value tokens, int columns) => graph.Add(new Reshape(), tokens, graph.AddConstant($"{tokens.Name}/shape", Tensor.Vector<long>(-1, columns)));
        graph.AddOutput(graph.Add(new Gemm { TransA = true }, Rows(x, channels), Rows(dy, outChannels)));
        TacticCheck.Agrees(graph, "fp32-avx512-weight-gradient", SumTolerance);
        if (!HasBf16) return;
        // The tiles' weight gradients are for images.
        foreach (var isa in (CpuFeatures[])[IsaLevel.Avx512Vnni, IsaLevel.Amx]) TacticCheck.Agrees(graph, "bf16-avx512bf16-weight-gradient", SumTolerance, bf16: true, device: TestDevice.At(isa));
    }

    private static bool HasBf16 => Isa.Current.Include(CpuFeatures.Avx512Bf16);

    private static void CheckWinograd(Graph graph)
    {
        if (HasBf16) TacticCheck.Agrees(graph, "bf16-amxbf16-weight-gradient", SumTolerance, bf16: true, device: TestDevice.At(IsaLevel.Amx));
        TacticCheck.Agrees(graph, "fp32-winograd4-weight-gradient", WinogradTolerance);
        var dy = graph.Inputs[^1].Type;
        if (!HasBf16) return;
        if (Math.Min(dy[2].Size, dy[3].Size) < 4) TacticCheck.Agrees(graph, "bf16-avx512bf16-weight-gradient", SumTolerance, bf16: true, device: TestDevice.At(IsaLevel.Avx512Vnni));
        else TacticCheck.Agrees(graph, "bf16-winograd4-weight-gradient", RoundedWinogradTolerance, bf16: true, device: TestDevice.At(IsaLevel.Avx512Vnni));
    }

    private static Graph Gradient(WindowAttributes window, int groups, int channels, int outChannels, int height, int width)
    {
        var graph = new Graph("weight gradient");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, height, width));
        var w = graph.AddInput("w", TensorType.Float32(outChannels, channels / groups, window.KernelShape[0], window.KernelShape[1]));
        var y = graph.Add(new Conv { Window = window, Groups = groups }, x, w);
        var dy = graph.AddInput("dy", y.Type);
        graph.AddOutput(graph.Add(new ConvWeightGradient { Window = window, Groups = groups }, dy, x));
        return graph;
    }
}
