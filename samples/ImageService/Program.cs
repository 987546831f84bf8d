using Pith;
using Pith.Compression.Data;
using Pith.Serving;

// A web service of your own with a classifier in it. For a server of many models with batching, metrics and gRPC there is `pith serve`.
// Usage: dotnet run -- --model net-int8.onnx; then: curl --data-binary @cat.jpg localhost:5000/classify?top=3
var builder = WebApplication.CreateBuilder(args);
builder.Services.AddPith(builder.Configuration["model"] ?? "net-sparse-int8.onnx");
var application = builder.Build();

application.MapPost("/classify", async (HttpRequest request, ImageClassifier classifier, int top = 5) =>
{
    using var body = new MemoryStream();
    await request.Body.CopyToAsync(body, request.HttpContext.RequestAborted);
    try
    {
        return Results.Ok(classifier.Classify(ImageDecoder.Decode(body.ToArray(), "the request's body"), Math.Clamp(top, 1, 100)));
    }
    catch (PithException notAnImage)
    {
        return Results.BadRequest(new { error = notAnImage.Message });
    }
});

application.Run();
