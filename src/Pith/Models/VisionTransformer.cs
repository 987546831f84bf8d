using Pith.Ops;

namespace Pith.Models;

/// <summary>ViT (Dosovitskiy et al. 2020): patches of the image as tokens, a class token before them, learned positions; the class token's features are classified. Written as PyTorch exports it.</summary>
/// <param name="Patch">Height and width of a patch in pixels.</param>
/// <param name="Encoder">The blocks.</param>
internal sealed record VisionTransformer(int Patch, Transformer Encoder)
{
    /// <summary>The network with fresh parameters.</summary>
    /// <exception cref="PithException">The resolution is not a multiple of the patch, or the width not one of a head's.</exception>
    public Graph Build(string name, int resolution, int classes, int seed)
    {
        if (resolution % Patch != 0) throw new PithException($"Model '{name}' cuts images into patches of {Patch}x{Patch} pixels: the resolution must be a multiple of {Patch}, got {resolution}.");
        if (Encoder.Channels % Encoder.HeadWidth != 0) throw new PithException($"Model '{name}' has attention heads of {Encoder.HeadWidth} channels: the width must be a multiple of {Encoder.HeadWidth}, got {Encoder.Channels}.");
        var network = new NetworkBuilder(name, resolution, seed);
        var (graph, side) = (network.Graph, resolution / Patch);
        var patches = Flattened(network, side * side);

        // The class token, once for each image.
        var batch = graph.AddNode(new ShapeOf(Start: 0, End: 1), [patches], "cls_token.batch").Output;
        var shape = graph.AddNode(new Concat(0), [batch, graph.AddConstant("cls_token.sizes", Tensor.Vector<long>(1, Encoder.Channels))], "cls_token.shape").Output;
        var token = graph.AddNode(new Expand(), [network.Table("cls_token", 1, 1, Encoder.Channels), shape], "cls_token.expand").Output;
        var tokens = graph.AddNode(new Concat(1), [token, patches], "tokens").Output;
        var x = network.Add(tokens, network.Table("pos_embed", 1, side * side + 1, Encoder.Channels), "positions");

        x = network.LayerNorm(Encoder.PreNormalized(network, x), "norm");
        var first = graph.AddNode(new Gather(1), [x, graph.AddConstant("cls.index", Tensor.Scalar(0L))], "cls").Output;
        return network.ClassifyFeatures(first, "head", classes);
    }

    private Value Flattened(NetworkBuilder network, int patches)
    {
        var graph = network.Graph;
        var weight = network.Table("patch_embed.proj.weight", Encoder.Channels, 3, Patch, Patch);
        var bias = graph.AddConstant("patch_embed.proj.bias", ParameterInitializer.Constant(Encoder.Channels, 0));
        var image = graph.AddNode(new Conv { Window = WindowAttributes.Uniform(Patch, Patch, 0) }, [network.Input, weight, bias], "patch_embed.proj").Output;
        var flat = network.Reshape(image, "patch_embed.flatten", 0, Encoder.Channels, patches);
        return graph.AddNode(new Transpose([0, 2, 1]), [flat], "patch_embed.transpose").Output;
    }
}
