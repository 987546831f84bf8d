namespace Pith.Cli.Tests;

/// <summary>What <c>pith info --show</c> adds, for a network and for the plan that is built of it.</summary>
public sealed class InfoTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Weights_attributes_and_layers_are_shown_when_they_are_asked_for()
    {
        var plain = PithCommand.Run("info", "cifar-resnet8", "--json").Ends(0).Json;
        foreach (var field in (string[])["weights", "attributes", "engine_layers"]) Assert.False(plain.TryGetProperty(field, out _));
        var json = PithCommand.Run("info", "cifar-resnet8", "--show", "weights", "--show", "attrs", "--show", "layers", "--json").Ends(0).Json;
        var weight = json.GetProperty("weights").EnumerateArray().Single(weight => weight.GetProperty("name").GetString() == "conv1.weight");
        Assert.True(weight.GetProperty("min").GetDouble() < 0 && weight.GetProperty("max").GetDouble() > 0);
        Assert.Equal([16, 3, 3, 3], weight.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()));
        var conv = json.GetProperty("attributes").EnumerateArray().First(node => node.GetProperty("op").GetString() == "Conv");
        Assert.Equal("[1, 1, 1, 1]", conv.GetProperty("attributes").GetProperty("pads").GetString());
        // Each operand of a layer was computed by an earlier one, or is the input.
        var layers = json.GetProperty("engine_layers").EnumerateArray().ToArray();
        for (var i = 0; i < layers.Length; i++) Assert.All(layers[i].GetProperty("operands").EnumerateArray(), operand => Assert.InRange(operand.GetProperty("layer").GetInt32(), -1, i - 1));
        Assert.Contains(layers.Skip(1), layer => layer.GetProperty("operands").EnumerateArray().Count() == 2);
        var text = PithCommand.Run("info", "cifar-resnet8", "--show", "weights", "--show", "attrs").Ends(0).Output;
        Assert.Contains("conv1.weight", text, StringComparison.Ordinal);
        Assert.Contains("pads=", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_shows_the_same()
    {
        PithCommand.Run("build", "cifar-resnet8", "--no-timing", "-o", _folder.File("net.plan")).Ends(0);
        var json = PithCommand.Run("inspect", _folder.File("net.plan"), "--show", "weights", "--show", "attrs", "--json").Ends(0).Json;
        Assert.NotEqual(0, json.GetProperty("weights").GetArrayLength());
        Assert.NotEqual(0, json.GetProperty("attributes").GetArrayLength());
        Assert.Contains("kernels", PithCommand.Run("info", _folder.File("net.plan"), "--show", "layers").Ends(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Anything_else_to_show_is_wrong_usage() => PithCommand.Run("info", "cifar-resnet8", "--show", "everything").Refuses(2);
}
