using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Grpc.Core;
using Pith.Compression.Data;
using Pith.Serving.Protocol;

namespace Pith.Serving.Tests;

/// <summary>Answers are the bits of the engine, whatever way they are asked for.</summary>
public sealed class InferenceTests
{
    [Fact]
    public async Task Every_way_to_ask_gives_the_bits_of_the_engine()
    {
        var graph = Networks.Classifier();
        await using var served = await ServedRepository.With("net", graph).StartAsync();
        var images = Networks.Images(5, 3);
        var expected = Networks.Expected(graph, images);

        Assert.Equal(expected, await served.InferBinaryAsync("net", images));

        foreach (var data in (string[])[Flat(images.Span), Nested(images)])
        {
            using var response = await served.PostAsync("/v2/models/net/versions/1/infer", $$"""{"id":"a b","outputs":[{"name":"scores"}],"inputs":[{"data":{{data}},"name":"x","shape":[3,3,8,8],"datatype":"FP32"}]}""");
            var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
            Assert.Equal(("net", "1", "a b"), (answer.GetProperty("model_name").GetString(), answer.GetProperty("model_version").GetString(), answer.GetProperty("id").GetString()));
            var output = answer.GetProperty("outputs")[0];
            Assert.Equal("[3,10]", output.GetProperty("shape").GetRawText());
            Assert.Equal(expected, Bytes(output.GetProperty("data").EnumerateArray().Select(value => value.GetSingle())));
        }

        var raw = await served.Grpc.ModelInferAsync(ServedRepository.GrpcRequest("net", images));
        Assert.Equal(("net", "1", "7", "FP32"), (raw.ModelName, raw.ModelVersion, raw.Id, raw.Outputs[0].Datatype));
        Assert.Equal(expected, raw.RawOutputContents[0].ToByteArray());

        var typed = ServedRepository.GrpcRequest("net", images);
        typed.RawInputContents.Clear();
        typed.Inputs[0].Contents = new InferTensorContents();
        typed.Inputs[0].Contents.Fp32Contents.AddRange(images.Data);
        Assert.Equal(expected, (await served.Grpc.ModelInferAsync(typed)).RawOutputContents[0].ToByteArray());

        using var stream = served.Grpc.ModelStreamInfer();
        for (var i = 0; i < 3; i++) await stream.RequestStream.WriteAsync(ServedRepository.GrpcRequest(i == 1 ? "missing" : "net", images));
        await stream.RequestStream.CompleteAsync();
        var answers = new List<ModelStreamInferResponse>();
        while (await stream.ResponseStream.MoveNext(default)) answers.Add(stream.ResponseStream.Current);
        Assert.Equal([true, false, true], answers.Select(answer => answer.ErrorMessage.Length == 0));
        Assert.Equal(expected, answers[2].InferResponse.RawOutputContents[0].ToByteArray());
    }

    [Fact]
    public async Task Elements_of_every_type_pass_through_as_json_and_as_bytes()
    {
        DataType[] types = [DataType.Bool, DataType.UInt8, DataType.UInt16, DataType.UInt32, DataType.UInt64, DataType.Int8, DataType.Int16, DataType.Int32, DataType.Int64, DataType.Float16, DataType.Float32, DataType.Float64];
        await using var served = await ServedRepository.With("echo", Networks.Echo(types)).StartAsync();
        string[] data =
        [
            "[true,false,true]", "[0,200,255]", "[0,1,65535]", "[0,1,4294967295]", "[0,1,18446744073709551615]", "[-128,0,127]", "[-32768,0,32767]", "[-2147483648,0,2147483647]",
            "[-9223372036854775808,0,9223372036854775807]", "[0.5,-65504,6E-08]", "[0.1,-3.4028235E+38,1E-45]", "[0.1,-1.7976931348623157E+308,5E-324]",
        ];
        var inputs = string.Join(',', types.Select((type, i) => $$$"""{"name":"in {{{WireType.NameOf(type)}}}","datatype":"{{{WireType.NameOf(type)}}}","shape":[1,3],"data":{{{data[i]}}}}"""));

        using var json = await served.PostAsync("/v2/models/echo/infer", $$"""{"inputs":[{{inputs}}]}""");
        var text = await json.Content.ReadAsStringAsync();
        Assert.True(json.IsSuccessStatusCode, text);
        var outputs = JsonDocument.Parse(text).RootElement.GetProperty("outputs").EnumerateArray().ToArray();
        for (var i = 0; i < types.Length; i++)
            Assert.Equal(data[i], outputs[i].GetProperty("data").GetRawText().Replace("5.9604645E-08", "6E-08", StringComparison.Ordinal));

        using var binary = await served.PostAsync("/v2/models/echo/infer", $$"""{"parameters":{"binary_data_output":true},"inputs":[{{inputs}}]}""");
        var body = await binary.Content.ReadAsByteArrayAsync();
        var header = int.Parse(binary.Headers.GetValues("Inference-Header-Content-Length").Single());
        Assert.Equal(types.Sum(type => 3 * type.SizeInBytes()), body.Length - header);
        Assert.Equal(ulong.MaxValue, MemoryMarshal.Read<ulong>(body.AsSpan(header + 3 * (1 + 1 + 2 + 4 + 8) - 8)));
    }

    [Fact]
    public async Task Metadata_configuration_and_health_say_what_is_served()
    {
        await using var served = await ServedRepository.With("net", Networks.Classifier(), "max_batch_size: 4\ndynamic_batching { preferred_batch_size: [ 2, 4 ] max_queue_delay_microseconds: 100 }\noptimization { priority: PRIORITY_MAX }").StartAsync();
        Assert.Equal("pith", (await served.GetAsync("/v2")).GetProperty("name").GetString());
        Assert.True((await served.GetAsync("/v2/health/live")).GetProperty("live").GetBoolean());
        Assert.True((await served.GetAsync("/v2/health/ready")).GetProperty("ready").GetBoolean());
        Assert.True((await served.GetAsync("/v2/models/net/ready")).GetProperty("ready").GetBoolean());
        var metadata = await served.GetAsync("/v2/models/net");
        Assert.Equal("""["1"]""", metadata.GetProperty("versions").GetRawText());
        Assert.Equal("""[{"name":"x","datatype":"FP32","shape":[-1,3,8,8]}]""", metadata.GetProperty("inputs").GetRawText());
        var config = await served.GetAsync("/v2/models/net/config");
        Assert.Equal(4, config.GetProperty("max_batch_size").GetInt32());
        Assert.Equal("""[{"name":"x","data_type":"TYPE_FP32","dims":[3,8,8]}]""", config.GetProperty("input").GetRawText());
        Assert.Equal("[2,4]", config.GetProperty("dynamic_batching").GetProperty("preferred_batch_size").GetRawText());

        var grpc = served.Grpc;
        Assert.True((await grpc.ServerLiveAsync(new())).Live);
        Assert.True((await grpc.ServerReadyAsync(new())).Ready);
        Assert.True((await grpc.ModelReadyAsync(new() { Name = "net" })).Ready);
        Assert.Equal([-1, 10], (await grpc.ModelMetadataAsync(new() { Name = "net" })).Outputs[0].Shape);
        Assert.Equal(4, (await grpc.ModelConfigAsync(new() { Name = "net" })).Config.MaxBatchSize);
        var health = new Grpc.Health.V1.Health.HealthClient(Grpc.Net.Client.GrpcChannel.ForAddress(served.Server.GrpcAddress!));
        Assert.Equal(Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus.Serving, (await health.CheckAsync(new())).Status);
    }

    [Fact]
    public async Task Encoded_images_are_preprocessed_as_the_model_says_and_answered_with_classes_and_labels()
    {
        var graph = Networks.Classifier();
        var preprocessing = Preprocessing.Parse("resize=8,crop=8,scale=0.00392156862745098");
        graph.Metadata[Preprocessing.MetadataKey] = preprocessing.ToJson();
        await using var served = ServedRepository.With("net", graph, "output { name: \"scores\" label_filename: \"labels.txt\" }");
        served.Write("net/labels.txt", string.Join('\n', Enumerable.Range(0, 10).Select(i => $"class {i}")));
        await served.StartAsync();
        byte[][] files = [.. new[] { "baseline420.jpg", "rgb8.png" }.Select(name => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Images", name)))];
        var pixels = new float[2 * 192];
        for (var i = 0; i < files.Length; i++) preprocessing.Apply(ImageDecoder.Decode(files[i], "image"), pixels.AsSpan(192 * i, 192));
        var scores = MemoryMarshal.Cast<byte, float>(Networks.Expected(graph, Tensor.Create(new Shape(2, 3, 8, 8), pixels))).ToArray();

        using var response = await served.PostAsync("/v2/models/net/infer", $$$"""
            {"inputs":[{"name":"x","datatype":"BYTES","shape":[2],"parameters":{"content_type":"base64"},"data":["{{{Convert.ToBase64String(files[0])}}}","{{{Convert.ToBase64String(files[1])}}}"]}],
             "outputs":[{"name":"scores","parameters":{"classification":3}}]}
            """);
        var output = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("outputs")[0];
        Assert.Equal(("BYTES", "[2,3]"), (output.GetProperty("datatype").GetString(), output.GetProperty("shape").GetRawText()));
        var expected = Enumerable.Range(0, 2).SelectMany(row => Enumerable.Range(0, 10).OrderByDescending(i => scores[10 * row + i]).Take(3).Select(i => $"{scores[10 * row + i]:F6}:{i}:class {i}"));
        Assert.Equal(expected, output.GetProperty("data").EnumerateArray().Select(text => text.GetString()!));

        var grpc = new ModelInferRequest { ModelName = "net" };
        var input = new ModelInferRequest.Types.InferInputTensor { Name = "x", Datatype = "BYTES", Contents = new() };
        input.Shape.Add(2);
        input.Contents.BytesContents.AddRange(files.Select(file => ByteString.CopyFrom(file)));
        grpc.Inputs.Add(input);
        Assert.Equal(scores, MemoryMarshal.Cast<byte, float>((await served.Grpc.ModelInferAsync(grpc)).RawOutputContents[0].Span).ToArray());

        input.Contents.BytesContents[1] = ByteString.CopyFromUtf8("not an image");
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(async () => await served.Grpc.ModelInferAsync(grpc))).StatusCode);
    }

    [Theory]
    [InlineData("net", """{"inputs":[]}""", 400, "expected 1 input")]
    [InlineData("net", """{"inputs":[{"name":"y","datatype":"FP32","shape":[1,3,8,8],"data":[]}]}""", 400, "192 elements")]
    [InlineData("net", """{"inputs":[{"name":"y","datatype":"FP32","shape":[0],"data":[]}]}""", 400, "no input 'y'")]
    [InlineData("net", """{"inputs":[{"name":"x","datatype":"FP64","shape":[0],"data":[]}]}""", 400, "takes FP32")]
    [InlineData("net", """{"inputs":[{"name":"x","datatype":"FLOAT","shape":[0],"data":[]}]}""", 400, "no datatype 'FLOAT'")]
    [InlineData("net", """{"inputs":[{"name":"x","datatype":"FP32","shape":[-1,3,8,8],"data":[]}]}""", 400, "shape must be whole numbers")]
    [InlineData("net", """{"inputs":[{"name":"x","datatype":"FP32","shape":[9223372036854775807,9223372036854775807],"data":[]}]}""", 400, "more elements")]
    [InlineData("net", """{"inputs":[{"name":"x","datatype":"FP32","shape":[1000000000,3,8,8],"parameters":{"binary_data_size":4}}]}""", 400, "bytes left")]
    [InlineData("net", """{"inputs":[{"name":"x","datatype":"FP32","shape":[3],"data":[1,"2",3]}]}""", 400, "element 1")]
    [InlineData("net", """{"inputs":[{"name":"x","datatype":"FP32","shape":[2],"data":[1,1e39]}]}""", 400, "element 1")]
    [InlineData("net", """{"inputs":[{"name":"x","datatype":"FP32","shape":[2,2],"data":[[1,2,3],[4]]}]}""", 400, "nested")]
    [InlineData("net", """{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]},{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]}""", 400, "got 2")]
    [InlineData("net", """{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1],"parameters":{"shared_memory_region":"r"}}]}""", 400, "Shared memory")]
    [InlineData("net", """{"outputs":[{"name":"z"}],"inputs":[]}""", 400, "no output 'z'")]
    [InlineData("net", "[]", 400, "must be an object")]
    [InlineData("net", "{", 400, "not the JSON")]
    [InlineData("net", """{"inputs":[]} {}""", 400, "")]
    [InlineData("net", "", 400, "not the JSON")]
    [InlineData("net/versions/9", "{}", 404, "no version 9")]
    [InlineData("net/versions/one", "{}", 400, "whole number")]
    [InlineData("other", "{}", 404, "no model 'other'")]
    [InlineData("..%2f..%2fetc", "{}", 404, "no model")]
    [InlineData("%00", "{}", 404, "")]
    public async Task A_wrong_request_gets_the_status_and_the_reason(string model, string body, int status, string reason)
    {
        var served = await s_shared.Value;
        using var response = await served.PostAsync($"/v2/models/{model}/infer", body);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(status == (int)response.StatusCode || (model == "%00" && response.StatusCode == HttpStatusCode.BadRequest), $"{(int)response.StatusCode} {text}");
        if (reason.Length > 0) Assert.Contains(reason, JsonDocument.Parse(text).RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_call_gets_the_status_of_grpc()
    {
        var served = await s_shared.Value;
        var images = Networks.Images(1, 1);
        Assert.Equal(StatusCode.NotFound, await StatusOfAsync(ServedRepository.GrpcRequest("other", images)));
        var wrong = ServedRepository.GrpcRequest("net", images);
        wrong.Inputs[0].Shape[0] = -1;
        Assert.Equal(StatusCode.InvalidArgument, await StatusOfAsync(wrong));
        wrong.Inputs[0].Shape[0] = long.MaxValue;
        Assert.Equal(StatusCode.InvalidArgument, await StatusOfAsync(wrong));
        wrong = ServedRepository.GrpcRequest("net", images);
        wrong.RawInputContents.Add(ByteString.Empty);
        Assert.Equal(StatusCode.InvalidArgument, await StatusOfAsync(wrong));
        wrong = ServedRepository.GrpcRequest("net", images);
        wrong.Inputs[0].Contents = new InferTensorContents();
        Assert.Equal(StatusCode.InvalidArgument, await StatusOfAsync(wrong));

        async Task<StatusCode> StatusOfAsync(ModelInferRequest request) => (await Assert.ThrowsAsync<RpcException>(async () => await served.Grpc.ModelInferAsync(request))).StatusCode;
    }

    [Fact]
    public async Task Results_that_json_cannot_express_are_refused_and_go_as_bytes()
    {
        await using var served = await ServedRepository.With("echo", Networks.Echo(DataType.Float32)).StartAsync();
        float[] values = [float.NaN, float.PositiveInfinity, -0f];
        var input = $$$"""{"name":"in FP32","datatype":"FP32","shape":[1,3],"parameters":{"binary_data_size":12}}""";
        foreach (var isBinary in (bool[])[true, false])
        {
            var json = Encoding.UTF8.GetBytes($$$"""{"inputs":[{{{input}}}],"outputs":[{"name":"out FP32","parameters":{"binary_data":{{{(isBinary ? "true" : "false")}}}}}]}""");
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v2/models/echo/infer") { Content = new ByteArrayContent([.. json, .. MemoryMarshal.AsBytes<float>(values)]) };
            request.Headers.Add("Inference-Header-Content-Length", $"{json.Length}");
            using var response = await served.Http.SendAsync(request);
            var body = await response.Content.ReadAsByteArrayAsync();
            if (isBinary) Assert.Equal(MemoryMarshal.AsBytes<float>(values).ToArray(), body[^12..]);
            else Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        }
    }

    private static readonly Lazy<Task<ServedRepository>> s_shared = new(() => ServedRepository.With("net", Networks.Classifier()).StartAsync());

    private static string Flat(ReadOnlySpan<float> values) => $"[{string.Join(',', values.ToArray().Select(value => value.ToString("R")))}]";

    private static string Nested(Tensor<float> tensor)
    {
        string[] parts = [.. tensor.Data.Select(value => value.ToString("R"))];
        for (var axis = tensor.Shape.Rank - 1; axis >= 0; axis--) parts = [.. parts.Chunk(tensor.Shape[axis]).Select(chunk => $"[{string.Join(',', chunk)}]")];
        return parts.Single();
    }

    private static byte[] Bytes(IEnumerable<float> values) => MemoryMarshal.AsBytes<float>(values.ToArray()).ToArray();
}
