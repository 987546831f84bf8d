namespace Pith.Cli.Tests;

/// <summary>What <c>pith forecast</c> measures and concludes; never how fast anything is.</summary>
public sealed class ForecastTests : IDisposable
{
    private static readonly string[] s_short = ["--duration", "0", "--json"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_float_network_is_timed_in_int8_with_each_pattern()
    {
        var json = PithCommand.Run(["forecast", "cifar-resnet8", "--pattern", "16:2:4", "2:4", "--batch", "2", "--threads", "2", .. s_short]).Ends(0).Json.GetProperty("forecast");
        Assert.True(json.GetProperty("was_quantized_for_this").GetBoolean());
        Assert.Equal(2, json.GetProperty("batch").GetInt32());
        Assert.Equal(["2:4", "16:2:4"], json.GetProperty("patterns").EnumerateArray().Select(pattern => pattern.GetProperty("pattern").GetString()));
        Assert.All(json.GetProperty("patterns").EnumerateArray(), pattern =>
        {
            Assert.True(pattern.GetProperty("speedup").GetDouble() > 0);
            Assert.InRange(pattern.GetProperty("weight_bytes").GetInt64(), 1, 2 * json.GetProperty("dense_weight_bytes").GetInt64());
            Assert.True(pattern.GetProperty("plan_bytes").GetInt64() > 0);
        });
        var layers = json.GetProperty("layers").EnumerateArray().ToArray();
        Assert.Equal(layers.Length - 1, json.GetProperty("eligible_layers").GetInt32());
        Assert.Contains("3 input channels", layers[0].GetProperty("why_dense").GetString(), StringComparison.Ordinal);
        Assert.All(layers, layer =>
        {
            Assert.StartsWith(layer.GetProperty("name").GetString() == "fc" ? "gemm s8" : "conv s8", layer.GetProperty("spec").GetString(), StringComparison.Ordinal);
            Assert.Equal(2, layer.GetProperty("times").GetArrayLength());
            Assert.All(layer.GetProperty("times").EnumerateArray(), time => Assert.True(time.GetProperty("microseconds").GetDouble() > 0));
        });
        Assert.StartsWith("2:4 alone ", json.GetProperty("verdict")[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_quantized_network_is_taken_as_it_is_also_when_it_is_sparse_already()
    {
        PithCommand.Run("prune", "cifar-resnet8", "--pattern", "64:2:4", "-o", _folder.File("s.onnx")).Ends(0);
        PithCommand.Run("quantize", _folder.File("s.onnx"), "--data", "procedural:count=8", "--samples", "8", "-o", _folder.File("s8.onnx")).Ends(0);
        var json = PithCommand.Run(["forecast", _folder.File("s8.onnx"), "--pattern", "2:4", .. s_short]).Ends(0).Json.GetProperty("forecast");
        Assert.False(json.GetProperty("was_quantized_for_this").GetBoolean());
        Assert.Equal("2:4", Assert.Single(json.GetProperty("patterns").EnumerateArray()).GetProperty("pattern").GetString());
    }

    [Fact]
    public void The_cheapest_pattern_that_reaches_a_target_is_named()
    {
        var reached = PithCommand.Run(["forecast", "cifar-resnet8", "--pattern", "2:4", "--target-speedup", "0.01", .. s_short]).Ends(0).Json.GetProperty("forecast");
        Assert.Equal("2:4", reached.GetProperty("cheapest").GetString());
        var missed = PithCommand.Run(["forecast", "cifar-resnet8", "--pattern", "2:4,8:2:4", "--target-speedup", "100", .. s_short]).Ends(0).Json.GetProperty("forecast");
        Assert.False(missed.TryGetProperty("cheapest", out _));
        Assert.Contains("No pattern reaches 100.00x", missed.GetProperty("verdict").EnumerateArray().Last().GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void People_see_a_table_and_a_plain_verdict()
    {
        var text = PithCommand.Run("forecast", "cifar-resnet8", "--duration", "0", "--quiet").Ends(0).Output;
        Assert.All(["dense", "2:4", "times as fast", "2:4 alone"], expected => Assert.Contains(expected, text, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--pattern", "3:2:4")]
    [InlineData("--target-speedup", "0")]
    [InlineData("--target-speedup", "NaN")]
    [InlineData("--batch", "0")]
    public void A_value_that_cannot_be_is_wrong_usage(params string[] arguments) => PithCommand.Run(["forecast", "cifar-resnet8", .. arguments]).Refuses(2);
}
