using Pith.Benchmarking;
using Pith.Kernels;

namespace Pith.EngineTests.Benchmarking;

public class LayerBenchmarkTests
{
    [Theory]
    [InlineData("conv s8>s8 n1 c16 h14 w14 k16 g1 r3,3 stride1,1 pad1,1,1,1 bias")]
    [InlineData("conv u8>s8 n2 c8 h9 w7 k8 g8 r3,3 stride2,1 pad1,0,1,2 dilation2,1 +s8 act:clip(0,6)")]
    [InlineData("conv s8>f32 n1 c4 h5 w5 k6 g2 bias +f32 act:silu")]
    [InlineData("conv s8>u8 n1 c4 h5 w5 k6 g1 act:hardswish")]
    [InlineData("conv f32>f32 n3 c4 h5 w5 k6 g1 r1,3 stride1,1 bias +f32 act:leakyrelu(0.1)")]
    [InlineData("gemm s8>s8 n7 c16 k5 bias act:sigmoid")]
    [InlineData("gemm f32>f32 n1 c16 k5 act:tanh")]
    public void The_layer_that_is_built_is_the_one_asked_for(string text) => Assert.Equal(text, Run(text).Spec.ToString());

    [Fact]
    public void What_is_left_out_has_its_usual_value() =>
        Assert.Equal("conv s8>s8 n1 c4 h5 w5 k6 g1 act:clip(0,Infinity)", Run("conv s8>s8 n1 c4 h5 w5 k6 act:relu").Spec.ToString());

    [Theory]
    [InlineData("pool f32>f32 n1 c8 h4 w4", "kind pool")]
    [InlineData("conv f32>f32 n1 c8 h4 k8", "w must be")]
    [InlineData("conv f32>s8 n1 c8 h4 w4 k8", "No network lowers")]
    [InlineData("gemm s8>s8 n1 c8 k8 act:tanh", "No network lowers")]
    [InlineData("gemm f32>f64 n1 c8 k8", "the output is f64")]
    public void What_cannot_be_built_says_why(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<PithException>(() => Run(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Every_tactic_is_timed_or_has_a_reason()
    {
        var result = Run("conv s8>s8 n1 c8 h4 w4 k8 g8 r3,3 pad1,1,1,1");
        Assert.Equal((Isa.Current, 1, 8L * 16 * 9), (result.Features, result.Threads, result.Macs));
        Assert.All(result.Tactics, timing => Assert.NotEqual(timing.Refused is null, timing.MedianMs is null));
        Assert.All(result.Tactics.Where(timing => timing.Refused is null && timing.Tactic != "reference"), timing => Assert.True(timing.Runs >= 3));
        Assert.Equal("reference", result.Tactics[^1].Tactic);
    }

    private static LayerBenchmarkResult Run(string text) =>
        LayerBenchmark.Run(text, new BenchmarkSettings { Seconds = 0, WarmUpSeconds = 0, MinRuns = 3 }, threads: 1, cancellation: TestContext.Current.CancellationToken);
}
