namespace Pith.Cli.Tests;

/// <summary><c>pith check</c> and <c>pith build --trtexec</c>: what Pith exports keeps TensorRT's rules, and what does not is refused by name.</summary>
public sealed class CheckTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("cifar-resnet8")]
    [InlineData("cifar-efficientnet")]
    public void What_quantize_writes_keeps_every_rule(string network)
    {
        var model = Quantized(network);
        var json = PithCommand.Run("check", model, "--target", "tensorrt", "--json").Ends(0).Json;
        Assert.True(json.GetProperty("holds").GetBoolean());
        Assert.Equal(0, json.GetProperty("violations").GetArrayLength());
        Assert.Contains("keeps every rule of TensorRT 8.6 to 11", PithCommand.Run("check", model).Ends(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_qat_writes_for_a_sparse_network_keeps_every_rule_and_is_built_with_sparsity()
    {
        var (sparse, qat) = (_folder.File("sparse.onnx"), _folder.File("qat.onnx"));
        PithCommand.Run("prune", "cifar-resnet8", "-o", sparse).Ends(0);
        PithCommand.Run("qat", sparse, "--data", "procedural:count=16", "--samples", "16", "--epochs", "1", "--batch", "8", "-o", qat).Ends(0);
        PithCommand.Run("check", qat).Ends(0);
        Assert.Equal($"trtexec --onnx={qat} --saveEngine={Path.ChangeExtension(qat, ".engine")} --minShapes=input:1x3x32x32 --optShapes=input:4x3x32x32 --maxShapes=input:8x3x32x32 --int8 --sparsity=enable",
            PithCommand.Run("build", qat, "--opt-batch", "4", "--batch", "8", "--trtexec", "8").Ends(0).Output.Trim());
        Assert.DoesNotContain(_folder.Files, file => file.EndsWith(".plan", StringComparison.Ordinal));
    }

    [Fact]
    public void Violations_are_named_with_node_rule_releases_and_fix()
    {
        var model = Quantized("cifar-resnet8", "--target", "onnxruntime");
        var violations = PithCommand.Run("check", model, "--json").Ends(1).Json.GetProperty("violations").EnumerateArray().ToArray();
        Assert.Contains(violations, violation => violation.GetProperty("rule").GetString() == "zero-point" && violation.GetProperty("node").GetString() == "input/QuantizeLinear" && violation.GetProperty("severity").GetString() == "error");
        Assert.All(violations, violation => Assert.All((string[])["versions", "problem", "fix", "op_type"], field => Assert.NotEqual("", violation.GetProperty(field).GetString())));
        var text = PithCommand.Run("check", model).Ends(1).Output;
        Assert.Contains("float-bias (error)", text, StringComparison.Ordinal);
        Assert.Contains("pair-splits-fusion (warning)", text, StringComparison.Ordinal);
        Assert.DoesNotContain("warning)", PithCommand.Run("check", model, "--errors-only").Ends(1).Output.Replace("0 warnings (", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("pith check", PithCommand.Run("build", model, "--trtexec").Ends(0).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rule_of_some_releases_holds_for_the_others()
    {
        var json = PithCommand.Run("check", "cifar-vit", "--json").Ends(1).Json;
        Assert.All(json.GetProperty("violations").EnumerateArray(), violation => Assert.Equal("8.6 to 9", violation.GetProperty("versions").GetString()));
        PithCommand.Run("check", "cifar-vit", "--versions", "10-11").Ends(0);
        // As the fix says.
        PithCommand.Run("surgeon", "cifar-vit", "--opset", "17", "-o", _folder.File("vit17.onnx")).Ends(0);
        PithCommand.Run("check", _folder.File("vit17.onnx")).Ends(0);
    }

    [Fact]
    public void The_rules_are_listed_without_a_model() => Assert.Contains("sparsity-axis", PithCommand.Run("check", "--rules").Ends(0).Output, StringComparison.Ordinal);

    [Theory]
    [InlineData("check")]
    [InlineData("check", "cifar-resnet8", "--target", "openvino")]
    [InlineData("check", "cifar-resnet8", "--versions", "12")]
    [InlineData("check", "cifar-resnet8", "--versions", "ten")]
    [InlineData("build", "cifar-resnet8", "--trtexec", "7")]
    [InlineData("build", "cifar-resnet8", "--trtexec")]
    public void What_cannot_be_asked_is_wrong_usage(params string[] arguments) => PithCommand.Run(arguments).Refuses(2);

    [Fact]
    public void A_model_that_is_missing_or_a_plan_is_a_clear_error()
    {
        PithCommand.Run("check", "missing.onnx").Refuses(1);
        File.WriteAllText(_folder.File("net.plan"), "x");
        Assert.Contains("is a plan", PithCommand.Run("check", _folder.File("net.plan")).Refuses(1).Error, StringComparison.Ordinal);
    }

    private string Quantized(string network, params string[] more)
    {
        var model = _folder.File("int8.onnx");
        PithCommand.Run(["quantize", network, "--data", "procedural:count=8", "--samples", "8", "--effort", "fast", "-o", model, .. more]).Ends(0);
        return model;
    }
}
